//! What a process uses, read from /proc.

use std::fs;

use crate::Failure;

/// Memory and CPU time of a process at one moment.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// Resident memory, in KiB.
    pub rss_kb: u64,
    /// The most resident memory it ever had, in KiB.
    pub peak_kb: u64,
    /// CPU time so far, user and system, in milliseconds.
    pub cpu_ms: u64,
}

/// Milliseconds of one tick of /proc/PID/stat: Linux reports 100 a second on every platform it runs Node on.
const TICK_MS: u64 = 10;

/// Reads a process; without a number there is nothing to read and all is zero.
pub fn usage(pid: Option<u32>) -> Result<Usage, Failure> {
    pid.map_or_else(|| Ok(Usage::default()), |pid| read(&pid.to_string()))
}

/// Reads this very process.
pub fn own() -> Result<Usage, Failure> {
    read("self")
}

fn read(pid: &str) -> Result<Usage, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold blanks; the fields are counted after it, the state being the first.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Usage { rss_kb: line(&status, "VmRSS:"), peak_kb: line(&status, "VmHWM:"), cpu_ms: ticks * TICK_MS })
}

fn line(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()).and_then(|kb| kb.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_memory_and_uses_time() {
        let before = super::own().expect("reads");
        // Working until it shows: how long that takes is the machine's.
        let mut after = super::own().expect("reads");
        while after.cpu_ms == before.cpu_ms {
            after = super::own().expect("reads");
        }
        assert!(after.rss_kb > 100 && after.peak_kb >= after.rss_kb);
        assert!(after.cpu_ms > before.cpu_ms);
    }
}
