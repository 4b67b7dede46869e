//! What changes between two texts, line by line: pure.

/// Lines of context around a change.
const AROUND: usize = 2;

/// In the form of `diff -u`, without file names; empty where nothing changes.
pub(super) fn diff(old: &str, new: &str) -> String {
    let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let near = |i: usize| {
        let (from, to) = (i.saturating_sub(AROUND), (i + AROUND + 1).min(lines.len()));
        lines[from..to].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut out = String::new();
    let mut gap = true;
    for (i, (mark, line)) in lines.iter().enumerate() {
        match near(i) {
            true => out.push_str(&format!("{}{mark}{line}\n", if gap && i > 0 { "@@\n" } else { "" })),
            false => {}
        }
        gap = !near(i);
    }
    out
}

/// Every line of both, marked ` `, `-` or `+`, by the longest common part. Units are short, so the table is small.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_shown_with_its_surroundings() {
        for (old, new, want) in [
            ("", "", ""),
            ("a\nb\n", "a\nb\n", ""),
            ("", "a\nb\n", "+a\n+b\n"),
            ("a\nb\n", "", "-a\n-b\n"),
            ("a\nb\nc\n", "a\nx\nc\n", " a\n-b\n+x\n c\n"),
            ("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\n5\n6\n7\nx\n", "@@\n 6\n 7\n-8\n+x\n"),
            ("x\n2\n3\n4\n5\n6\n7\ny\n", "2\n3\n4\n5\n6\n7\n", "-x\n 2\n 3\n@@\n 6\n 7\n-y\n"),
        ] {
            assert_eq!(diff(old, new), want, "{old:?} {new:?}");
        }
    }
}
