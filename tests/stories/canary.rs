//! Proof that data is encrypted: marked words go through everything, the program is killed at several points, and
//! none of them stands in any file of the data folder, the temporary folder or the log.

use crate::world::Home;
use hakobu::base::clock;
use hakobu::delivery::Step;
use hakobu::delivery::catcher::{Act, Catcher, Offer, Rule};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// ASCII words, so that they would show in any encoding; and one as people write.
const CANARIES: &[&str] = &[
    "canaryname",
    "canaryaddress",
    "canarysubject",
    "canarybody",
    "canarynote",
    "canaryattach",
    "canaryfile",
    "金糸雀太郎",
];

const ROWS: usize = 5_000;

struct Cage {
    home: Home,
    catcher: Catcher,
    /// Where stderr of everything goes.
    log: PathBuf,
}

impl Cage {
    fn new() -> Cage {
        let catcher = Catcher::start(Offer { keep: 10, ..Offer::new(clock::now) }).unwrap();
        let home = Home::new();
        std::fs::create_dir(home.path("tmp")).unwrap();
        home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
        let mut list = String::from("メールアドレス,姓,名,備考\r\n");
        for i in 0..ROWS {
            list.push_str(&format!("canaryaddress{i}@example.jp,金糸雀太郎,canaryname{i},canarynote{i}\r\n"));
        }
        home.file("canaryfile-list.csv", list);
        home.file("wording.txt", "canarynote を受け取ることに同意します。");
        home.file("mail.html", "<p>{{ 姓 }} {{ 名 }} 様</p><p>canarybody</p>");
        home.file("canaryfile.txt", "canaryattach ".repeat(10_000));
        let log = home.path("log");
        Cage { home, catcher, log }
    }

    fn start(&self, words: &[&str]) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut command = self.home.command(&[words, &["--data", "D"]].concat());
        command.env("TMPDIR", self.home.path("tmp")).stdout(Stdio::null()).stderr(log);
        command.spawn().unwrap()
    }

    fn run(&self, words: &[&str]) -> i32 {
        self.start(words).wait().unwrap().code().unwrap_or(-1)
    }

    /// Lets it work for a while, then SIGKILL.
    fn kill_after(&self, words: &[&str], ms: u64) {
        let mut child = self.start(words);
        let (_never, pause) = std::sync::mpsc::channel::<()>();
        pause.recv_timeout(Duration::from_millis(ms)).ok();
        child.kill().unwrap();
        child.wait().unwrap();
        self.look(&words.join(" "));
    }

    /// SIGKILL in the middle of sending.
    fn kill_when_caught(&self, words: &[&str], more: u64) {
        let mut child = self.start(words);
        let caught = self.catcher.wait_for(self.catcher.count() + more, Duration::from_secs(60));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(caught, "{words:?} sends");
        self.look(&words.join(" "));
    }

    fn look(&self, when: &str) {
        let mut files = vec![self.home.path("D"), self.home.path("tmp"), self.home.path("run"), self.log.clone()];
        while let Some(path) = files.pop() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!CANARIES.iter().any(|c| name.contains(c)), "{when}: the name of {}", path.display());
            match path.is_dir() {
                true => files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path())),
                false => look_into(&path, when),
            }
        }
    }
}

fn look_into(path: &Path, when: &str) {
    // A socket has no bytes; a file may go away while it is looked for.
    let Ok(bytes) = std::fs::read(path) else { return };
    let text = String::from_utf8_lossy(&bytes);
    for canary in CANARIES {
        assert!(!text.contains(canary), "{when}: {canary} stands in {}", path.display());
    }
}

#[test]
fn no_marked_word_stands_in_any_file_whenever_the_program_is_killed() {
    let cage = Cage::new();
    let import = [
        "contacts",
        "import",
        "canaryfile-list.csv",
        "--tag",
        "canarynote",
        "--consent-source",
        "canarynote",
        "--consent-text-file",
        "wording.txt",
    ];
    for ms in [40, 150, 400] {
        cage.kill_after(&import, ms);
    }
    assert_eq!(cage.run(&import), 0);
    cage.look("after the import");
    let create = [
        "campaign",
        "create",
        "--name",
        "canarysubject",
        "--from",
        "canaryname <news@news.example.jp>",
        "--subject",
        "canarysubject {{ 姓 }}",
        "--html",
        "mail.html",
        "--attach",
        "canaryfile.txt",
        "--segment",
        "tag:canarynote",
    ];
    assert_eq!(cage.run(&create), 0);
    cage.look("after the draft");
    assert_eq!(cage.run(&["campaign", "test", "c1", "--to", "canaryaddress@example.jp"]), 0);
    cage.catcher.rule(Rule { at: Step::Dot, whom: None, times: None, act: Act::Delay(Duration::from_millis(5)) });
    cage.kill_after(&["campaign", "send", "c1", "--wait"], 200);
    cage.kill_when_caught(&["campaign", "send", "c1", "--wait"], 50);
    cage.kill_when_caught(&["serve", "--listen", "127.0.0.1:0"], 50);
    assert_eq!(cage.run(&["campaign", "cancel", "c1"]), 0);
    assert_eq!(cage.run(&["campaign", "recipients", "c1", "-o", "canaryfile-out.csv"]), 0);
    assert!(std::fs::read_to_string(cage.home.path("canaryfile-out.csv")).unwrap().contains("canaryaddress"));
    for (name, format) in [("canaryfile.csv", "csv"), ("canaryfile.xlsx", "xlsx")] {
        let export = ["contacts", "export", "-o", name, "--format", format];
        cage.kill_after(&export, 100);
        assert_eq!(cage.run(&export), 0, "{format}");
        assert!(cage.home.path(name).exists());
        cage.look(name);
    }
    assert_eq!(cage.run(&["contacts", "suppression", "add", "canaryaddress1@example.jp"]), 0);
    assert_ne!(cage.run(&["contacts", "import", "wording.txt"]), 0);
    cage.look("at the end");
    let result = cage.home.ask(&["campaign", "result", "c1"]).ok().json();
    assert!(result["recipients"].as_u64().unwrap() > 0 && cage.catcher.count() > 1, "{result}");
}
