//! The change record that a release brings: what is in the manifest beside its program. It was verified when the slot
//! was filled; here it is only read for people.

use crate::base::Say;
use serde::Deserialize;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Change {
    pub notes: Say,
}

#[derive(Deserialize)]
struct Document {
    signed: Change,
}

/// Of a version that has a slot with a manifest; a program that was installed by hand brings none.
pub fn of(data: &Path, version: &str) -> Option<Change> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    if version.is_empty() || version.starts_with('.') || !version.chars().all(plain) {
        return None;
    }
    let text = std::fs::read(data.join("slots").join(version).join("manifest.json")).ok()?;
    serde_json::from_slice::<Document>(&text).ok().map(|d| d.signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_with_a_manifest_has_a_change_record_and_no_other_place_has() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("slots/1.2.0")).unwrap();
        let text = r#"{"signed":{"product":"hakobu","notes":{"ja":"直しました","en":"Mended"}},"signatures":[]}"#;
        std::fs::write(dir.path().join("slots/1.2.0/manifest.json"), text).unwrap();
        assert_eq!(of(dir.path(), "1.2.0").unwrap().notes, say!("直しました", "Mended"));
        for version in ["1.3.0", "", "..", "../slots/1.2.0", "1.2.0/x"] {
            assert_eq!(of(dir.path(), version), None, "{version}");
        }
    }
}
