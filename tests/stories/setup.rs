use crate::load::house::free_port;
use crate::world::{Home, Said, mode};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn setup_makes_a_house_and_the_second_time_changes_nothing_and_says_so() {
    let home = Home::new();
    let first = home.setup(&["--relay", "smtp://127.0.0.1:2525"]).ok();
    assert_eq!((&first.json()["data"], &first.json()["created"]), (&"D".into(), &true.into()));
    assert_eq!(mode(&home.path("K")), 0o600);
    assert_eq!(mode(&home.path("D")), 0o700);
    let before = home.ask(&["audit", "list"]).json();
    let settings = fs::read(home.path("D/hakobu.toml")).unwrap();

    let second = home.setup(&["--relay", "smtp://127.0.0.1:2525"]).ok();
    assert_eq!(second.json()["created"], false);
    assert!(!second.stderr.contains("recovery"));
    assert_eq!(home.ask(&["audit", "list"]).json(), before);
    assert_eq!(fs::read(home.path("D/hakobu.toml")).unwrap(), settings);
}

#[test]
fn the_recovery_code_is_shown_once_and_never_in_the_result() {
    let home = Home::new();
    let said = home.setup(&[]).ok();
    let code = said
        .stderr
        .lines()
        .find_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()?["recovery_code"].as_str().map(str::to_owned))
        .unwrap();
    assert!(code.len() == 39 && !said.stdout.contains(&code));

    let other = Home::new();
    let said = other.setup(&["--recovery-file", "paper"]).ok();
    assert!(!said.stderr.contains("recovery_code"));
    assert_eq!(
        (fs::read_to_string(other.path("paper")).unwrap().trim().len(), mode(&other.path("paper"))),
        (39, 0o600)
    );
    let inside = Home::new().setup(&["--recovery-file", "D/paper"]);
    assert_eq!(inside.exit, 8);
}

#[test]
fn a_key_inside_the_data_folder_is_refused_and_nothing_is_made() {
    let home = Home::new();
    let said = home.run(&[
        "setup",
        "--data",
        "D",
        "--key-file",
        "D/K",
        "--domain",
        "x.example.jp",
        "--admin-email",
        "a@example.jp",
        "--admin-password-file",
        "password",
        "--yes",
        "--json",
    ]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (8, Some("config")));
    assert!(!home.path("D").exists());
}

#[test]
fn an_answer_that_is_missing_is_named_by_its_flag() {
    let home = Home::new();
    let all = [
        ("--key-file", "K"),
        ("--domain", "x.example.jp"),
        ("--admin-email", "a@example.jp"),
        ("--admin-password-file", "password"),
    ];
    for (left_out, _) in all {
        let flags: Vec<&str> = all.iter().filter(|(f, _)| *f != left_out).flat_map(|(f, v)| [*f, *v]).collect();
        let said = home.run(&[&["setup", "--data", "D", "--yes", "--json"], &flags[..]].concat());
        assert_eq!(said.exit, 4, "{left_out}: {}", said.stderr);
        assert!(said.error()["message"].as_str().unwrap().contains(left_out), "{}", said.stderr);
    }
    let flags: Vec<&str> = all.iter().flat_map(|(f, v)| [*f, *v]).collect();
    let said = home.run(&[&["setup", "--data", "D", "--json"], &flags[..]].concat());
    assert_eq!(said.exit, 4);
    assert!(said.error()["hint"].as_str().unwrap().contains("--yes"));
    assert!(!home.path("D").exists());
}

#[test]
fn an_answers_file_stands_for_the_flags_and_a_misspelled_one_is_named() {
    let home = Home::new();
    home.file(
        "answers.toml",
        "key-file = \"K\"\ndomain = \"news.example.jp\"\nadmin-email = \"a@example.jp\"\nadmin-password-file = \"password\"\nno-probe = true\n",
    );
    let said = home.run(&["setup", "--data", "D", "--answers", "answers.toml", "--yes", "--json"]).ok();
    assert_eq!(said.json()["public_url"], "https://news.example.jp");
    home.file("answers.toml", "domian = \"x\"\n");
    let said = home.run(&["setup", "--data", "E", "--answers", "answers.toml", "--yes", "--json"]);
    assert_eq!((said.exit, said.error()["hint"].as_str()), (8, Some("Did you mean domain?")));
}

/// With the question whether this address answers.
fn set_up(home: &Home, url: &str, listen: &str) -> Said {
    let base = ["setup", "--data", "D", "--key-file", "K", "--domain", "news.example.jp", "--yes", "--json"];
    let admin = ["--admin-email", "a@example.jp", "--admin-password-file", "password"];
    let more = ["--relay", "smtp://127.0.0.1:9", "--public-url", url, "--listen", listen];
    home.run(&[&base[..], &admin, &more].concat()).ok()
}

#[test]
fn a_public_url_that_does_not_lead_here_is_warned_of_until_it_does() {
    let home = Home::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (listen, url) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
    let notes = set_up(&home, &url, &listen).json()["notes"].to_string();
    assert!(notes.contains(&format!("{url} does not lead to this house yet")), "{notes}");
    home.file("list.csv", "email\ntaro@example.jp\n");
    home.file("wording.txt", "案内を送ります");
    let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
    home.ask(&[&["contacts", "import", "list.csv"], &consent[..]].concat()).ok();
    home.file("mail.txt", "こんにちは");
    let create = ["campaign", "create", "--name", "a", "--subject", "b", "--text", "mail.txt"];
    let from = ["--from", "運ぶ商店 <news@news.example.jp>"];
    let id = home.ask(&[&create[..], &from].concat()).ok().json()["campaign"].as_str().unwrap().to_owned();
    let warned = || home.ask(&["campaign", "check", &id]).ok().stdout.contains("public_url_silent");
    let health = || {
        let checks = home.ask(&["doctor"]).json()["checks"].as_array().unwrap().clone();
        checks.iter().find(|c| c["check"] == "public_url").unwrap()["health"].clone()
    };
    assert!(warned() && health() == "warn");
    assert_eq!(home.ask(&["campaign", "send", &id, "--wait", "--strict"]).exit, 4, "a warning like any other");
    let server = home.serve_at(&listen);
    assert!(!warned() && health() == "ok");
    server.end();
    let boot = fs::read_to_string(home.path("D/hakobu.toml")).unwrap();
    fs::write(home.path("D/hakobu.toml"), boot.replace("\n[key]", "probe = false\n[key]")).unwrap();
    assert!(!warned(), "nobody is to ask");
}

#[test]
fn over_https_a_public_url_leads_here_when_the_machine_trusts_its_certificate() {
    let home = Home::new();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    home.file("chain.pem", own.cert.pem());
    home.file("key.pem", own.signing_key.serialize_pem());
    let at = free_port();
    let url = format!("https://localhost:{}", at.port());
    set_up(&home, &url, "127.0.0.1:8080");
    let https = at.to_string();
    let words = ["serve", "--data", "D", "--listen", "127.0.0.1:0", "--https", &https];
    let files = ["--cert-file", "chain.pem", "--cert-key-file", "key.pem"];
    for (trusted, health) in [(false, "warn"), (true, "ok")] {
        let mut command = home.command(&[&words[..], &files].concat());
        if trusted {
            command.env("SSL_CERT_FILE", home.path("chain.pem"));
        }
        let server = home.serving(command);
        let checks = home.ask(&["doctor"]).json()["checks"].clone();
        let check = checks.as_array().unwrap().iter().find(|c| c["check"] == "public_url").unwrap();
        assert_eq!(check["health"], health, "{check}");
        server.end();
    }
}

#[test]
fn a_wrong_key_is_told_and_touches_nothing() {
    let home = Home::ready();
    fs::rename(home.path("K"), home.path("right")).unwrap();
    Home::ready_key_at(&home.path("K"));
    let before = files(&home);
    let said = home.ask(&["status"]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (11, Some("wrong_key")));
    assert_eq!(files(&home), before);
    fs::rename(home.path("right"), home.path("K")).unwrap();
    home.ask(&["status"]).ok();
}

#[test]
fn a_passphrase_or_a_command_can_stand_for_the_key_file() {
    let home = Home::new();
    home.file("phrase", "correct horse battery staple\n");
    let base = [
        "--domain",
        "x.example.jp",
        "--admin-email",
        "a@example.jp",
        "--admin-password-file",
        "password",
        "--yes",
        "--no-probe",
    ];
    let setup = |data: &str, key: &[&str]| home.run(&[&["setup", "--data", data], &base[..], key].concat());
    setup("P", &["--key-passphrase-file", "phrase"]).ok();
    assert_eq!(home.run(&["status", "--data", "P", "--json"]).exit, 4);
    home.run(&["status", "--data", "P", "--passphrase-file", "phrase"]).ok();
    home.file("wrong", "another horse entirely\n");
    assert_eq!(home.run(&["status", "--data", "P", "--passphrase-file", "wrong"]).exit, 11);

    home.file("key.hex", "11".repeat(32));
    let command = format!("cat {}", home.path("key.hex").display());
    setup("C", &["--key-command", &command]).ok();
    home.run(&["status", "--data", "C"]).ok();
}

impl Home {
    /// Another house's key, put here.
    fn ready_key_at(path: &std::path::Path) {
        let other = Home::ready();
        fs::copy(other.path("K"), path).unwrap();
    }
}

/// Every file of the data folder with its bytes.
fn files(home: &Home) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![home.path("D")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => all.push((path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    all.sort();
    all
}

/// The whole answer.
fn asked(at: &str, (method, path): (&str, &str), cookie: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let n = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n{kind}\r\nContent-Length: {n}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)));
    line.unwrap_or_else(|| panic!("no {name}: {answer}")).1
}

#[test]
fn the_first_run_in_a_browser_makes_the_house_behind_the_door_that_stands_there_already() {
    let home = Home::new();
    let server = home.serving(home.command(&["serve", "--setup", "--data", "D", "--listen", "127.0.0.1:0"]));
    let (at, link) = server.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let opened = asked(at, ("GET", &format!("/{link}")), "", "");
    let cookie = header(&opened, "set-cookie").split(';').next().unwrap().to_owned();
    let key = format!("key={}", home.path("K").display());
    let forms = [
        "lang=ja",
        "",
        "email=a%40example.jp&name=A&password=a-long-pass-phrase-2026",
        "domain=news.example.jp",
        "",
        &key,
    ];
    for (i, form) in forms.iter().enumerate() {
        let (here, next) = (format!("/setup/step/{}", i + 1), format!("/setup/step/{}", i + 2));
        let said = asked(at, ("POST", &here), &cookie, form);
        assert_eq!(header(&said, "location"), next, "{said}");
    }
    assert!(home.path("D/hakobu.toml").exists());
    assert_eq!(mode(&home.path("K")), 0o600);
    assert_eq!(server.end(), 0);
}
