"""What the example client hears, as lines of JSON; it waits a fiftieth of what it would.

python hear.py URL CHANNEL TOKEN POSITION
"""
import asyncio
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "examples" / "python"))
import dormouse

dormouse.FIRST_WAIT, dormouse.LONGEST_WAIT = 0.01, 0.6
url, channel, token, position = sys.argv[1:]


async def main():
    kept = json.loads(position)
    async for frame in dormouse.listen(url, channel, lambda: token, kept):
        print(json.dumps({**frame, "position": kept}), flush=True)
    print(json.dumps({"type": "over"}), flush=True)


asyncio.run(main())
