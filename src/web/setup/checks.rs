//! What the machine must have, seen before anything is made: each with what to do when it is not there.

use crate::base::{Say, limits};
use crate::house::setup;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// Works, but somebody should know.
    Warn,
    Stop,
}

pub(super) struct Check {
    pub(super) title: Say,
    pub(super) verdict: Verdict,
    pub(super) says: Say,
}

/// What was seen; judged without looking again.
pub(super) struct Facts {
    pub(super) folder_free: bool,
    pub(super) disk_free: Option<u64>,
    pub(super) memory_free: Option<u64>,
    pub(super) has_aes: bool,
}

pub(super) fn look(data: &Path) -> Facts {
    let above = data.ancestors().find(|a| a.exists()).unwrap_or(Path::new("/"));
    let disk = rustix::fs::statvfs(above).ok().map(|s| s.f_bavail.saturating_mul(s.f_frsize));
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|a| a.trim().split(' ').next()).and_then(|n| n.parse::<u64>().ok());
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Facts {
        // One that cannot be read is not free either.
        folder_free: setup::is_free(data).unwrap_or(false),
        disk_free: disk,
        memory_free: kib.map(|k| k * limits::KB),
        has_aes: cpu.lines().any(|l| l.split_whitespace().any(|w| w == "aes")),
    }
}

pub(super) fn judge(facts: &Facts) -> Vec<Check> {
    let gb = |n: u64| format!("{:.1} GB", n as f64 / limits::GB as f64);
    let (disk, memory) = (facts.disk_free.map(gb), facts.memory_free.map(gb));
    let (disk, memory) = (disk.unwrap_or_else(|| "?".into()), memory.unwrap_or_else(|| "?".into()));
    let enough = |free: Option<u64>, least: u64| free.is_none_or(|n| n >= least);
    let verdict = |good: bool, bad: Verdict| if good { Verdict::Good } else { bad };
    vec![
        Check {
            title: say!("データフォルダー", "Data folder"),
            verdict: verdict(facts.folder_free, Verdict::Stop),
            says: match facts.folder_free {
                true => say!("新しく作れます。", "It can be made."),
                false => say!(
                    "すでに別のファイルがあります。空のフォルダーを --data で指定して、起動し直してください。",
                    "It holds other files. Start again with an empty folder as --data."
                ),
            },
        },
        Check {
            title: say!("ディスクの空き", "Free disk space"),
            verdict: verdict(enough(facts.disk_free, limits::SETUP_DISK), Verdict::Warn),
            says: say!("{disk} 空いています。5 GB 以上をお勧めします。", "{disk} free; 5 GB or more is advised."),
        },
        Check {
            title: say!("メモリー", "Memory"),
            verdict: verdict(enough(facts.memory_free, limits::SETUP_MEMORY), Verdict::Warn),
            says: say!(
                "{memory} 使えます。512 MB 以上をお勧めします。",
                "{memory} available; 512 MB or more is advised."
            ),
        },
        Check {
            title: say!("暗号の高速化", "Fast encryption"),
            verdict: verdict(facts.has_aes, Verdict::Warn),
            says: match facts.has_aes {
                true => say!("プロセッサーの AES 命令を使えます。", "The processor has AES instructions."),
                false => say!(
                    "プロセッサーに AES 命令がないため、動作が遅くなります。",
                    "The processor has no AES instructions: storage will be slower."
                ),
            },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_in_use_stops_the_setup() {
        let facts = |folder_free, disk_free| Facts { folder_free, disk_free, memory_free: None, has_aes: false };
        let worst = |f: &Facts| {
            let all = judge(f);
            (all.iter().any(|c| c.verdict == Verdict::Stop), all.iter().filter(|c| c.verdict == Verdict::Warn).count())
        };
        assert_eq!(worst(&facts(true, Some(100 * limits::GB))), (false, 1));
        assert_eq!(worst(&facts(true, Some(limits::MB))), (false, 2));
        assert_eq!(worst(&facts(false, None)), (true, 1));
    }
}
