"""A client of Dormouse: hears every kept message once and in order, over whatever breaks. (Python 3.11; pip install websockets)"""
import asyncio, json, random, sys
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from websockets import WebSocketException, connect

FIRST_WAIT, LONGEST_WAIT = 0.5, 30  # seconds


async def listen(url, channel, get_token, position):
    """Yields frames until the service says stop. `position`, {} at first, is kept up to date: store it to go on from there."""
    base, tries = f"{url.rstrip('/')}/v1/channels/{quote(channel, safe='')}", 0
    while True:
        query = urlencode({"epoch": position["epoch"], "after": position["seq"]}) if "epoch" in position else ""
        code, wait = 1006, 0
        try:
            token = await asyncio.to_thread(get_token)
            async with connect(f"ws{base[4:]}?{query}", subprotocols=["dormouse.v1", f"bearer.{token}"], max_size=None) as socket:
                async for frame in frames(socket, lambda: page(base, token, position["seq"])):
                    if frame["type"] == "bye":
                        code, wait = frame["code"], frame.get("retry_after", 0) / 1000
                        break
                    if frame["type"] == "welcome":
                        before, resumed = position.get("seq"), frame["resume"] in ("recovered", "behind")
                        position.update(epoch=frame["epoch"], seq=before if resumed else frame["seq"])
                        if before is not None and not resumed:  # nothing is replayed: it goes on from the head
                            yield {"type": "lost", "after": before, "seq": frame["seq"]}
                    if frame["type"] == "message" and "seq" in frame:
                        if frame["seq"] <= position["seq"]:
                            continue  # what was live while it was pulled
                        if frame["seq"] > position["seq"] + 1:
                            break  # a gap: who joins again is told what is missing, or that it is lost
                        position["seq"], tries = frame["seq"], 0
                    yield frame
        except (OSError, WebSocketException) as error:  # broken, or refused
            code = getattr(getattr(error, "rcvd", None), "code", code)
        if code in (1000, 1002, 1003, 1007, 1008, 1009) or code // 100 == 40:
            return
        if code // 100 == 44:
            position.pop("epoch", None)
        longest, tries = 0.2 if code // 100 in (42, 43) else min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries, 9)), tries + 1
        await asyncio.sleep(wait + random.random() * longest)


async def frames(socket, next_page):
    """One connection's frames. What was too much to be replayed is pulled first, and what is live waits in the socket."""
    while True:  # until the way breaks, which the library's own pings notice
        told = json.loads(await socket.recv())
        for frame in told if isinstance(told, list) else [told]:
            yield frame
            head = frame["seq"] if frame.get("resume") == "behind" else 0
            while head and (messages := await asyncio.to_thread(next_page)):
                for message in messages:
                    yield message
                head = head if messages[-1]["seq"] < head else 0


def page(base, token, after):
    """What is kept after a seq, over HTTP; a refusal throws as a broken way does."""
    with urlopen(Request(f"{base}/messages?after={after}&limit=100", headers={"Authorization": f"Bearer {token}"})) as answer:
        return json.load(answer)["messages"]


async def main(url, channel, token):
    async for frame in listen(url, channel, lambda: token, {}):
        print(json.dumps(frame), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
