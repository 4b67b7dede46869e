//! The attacks on an update system that The Update Framework lists, and those on archives, each over real files.
//! Slow retrieval and endless data over the network stand beside the fetcher.

use super::{DAY, Entry, TARGET, Vendor, Yard, digest, gzip, program, tar, v};
use crate::base::limits;
use crate::update::bundle::Head;
use crate::update::keys::{Roots, SecretKey};
use crate::update::plan;
use crate::update::vendor::{self, Change, HowMany, Order};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_good_release_fills_its_slot_and_nothing_else_can_read_it() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    assert_eq!(yard.install(&vendor, &vendor.pack("1.5.0")).unwrap(), v("1.5.0"));
    let place = yard.slots.program("1.5.0");
    assert_eq!(std::fs::read(&place).unwrap(), program(1));
    assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(std::fs::metadata(place.parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
    let kept: Vec<_> = std::fs::read_dir(yard.slots.dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(kept, ["1.5.0"], "nothing half-made stays, and nothing has been switched");
}

#[test]
fn an_ordinary_tar_lists_a_bundle_in_its_order() {
    let vendor = Vendor::new();
    let file = std::fs::File::open(vendor.pack("1.5.0")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
    let names: Vec<_> = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().into_owned()).collect();
    assert_eq!(names, ["keys.json", "manifest.json", "hakobu"].map(std::path::PathBuf::from));
}

#[test]
fn arbitrary_install_a_program_signed_by_somebody_else_is_refused() {
    let (vendor, thief, yard) = (Vendor::new(), Vendor::new(), Yard::new());
    assert!(yard.refuses(&vendor, &thief.pack("1.5.0")).contains("lacks root signatures"));
    // The vendor's own keys document around the thief's manifest.
    let mixed = vendor::pack(
        Vendor::order("1.5.0"),
        vendor.now,
        (&thief.keys.signing, &vendor.keys.document),
        (&mut &program(2)[..], 70_000),
        &mut Vec::new(),
    );
    assert!(mixed.err().unwrap().says().en.contains("not one of ours"));
    let bytes = std::fs::read(thief.pack("1.5.0")).unwrap();
    let head = Head::read(&bytes).unwrap();
    let forged = [Head::write(&vendor.keys.document, &head.manifest), bytes[head.len..].to_vec()].concat();
    assert!(yard.refuses(&vendor, &vendor.file("forged", &forged)).contains("not one of ours"));
}

#[test]
fn arbitrary_install_another_program_under_a_signed_manifest_is_refused() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let bytes = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let head = Head::read(&bytes).unwrap();
    let other = gzip(&tar(&[Entry::file("hakobu", &program(9))]));
    let swapped = vendor.file("swapped", &[&bytes[..head.len], &other].concat());
    assert!(yard.refuses(&vendor, &swapped).contains("not what was signed"));
}

#[test]
fn arbitrary_install_a_build_without_root_keys_accepts_nothing() {
    let (mut vendor, yard) = (Vendor::new(), Yard::new());
    let bundle = vendor.pack("1.5.0");
    vendor.keys.public = Roots::parse("# none\n").unwrap();
    assert!(yard.refuses(&vendor, &bundle).contains("built without release keys"));
}

#[test]
fn endless_data_a_file_longer_than_was_signed_is_refused_without_reading_it_all() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let bundle = vendor.pack("1.5.0");
    let file = std::fs::OpenOptions::new().append(true).open(&bundle).unwrap();
    let signed = file.metadata().unwrap().len();
    for longer in [1, 4 << 30] {
        file.set_len(signed + longer).unwrap();
        assert!(yard.refuses(&vendor, &bundle).contains("not what was signed"));
    }
}

#[test]
fn endless_data_a_gzip_bomb_meets_no_decompressor_unless_it_is_signed_and_stops_where_it_was_signed_to() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let bomb = gzip(&tar(&[Entry::file("hakobu", &vec![0u8; 64 << 20])]));
    assert!(bomb.len() < 100_000);
    let unsigned = vendor.forge(|_, body| *body = bomb.clone());
    assert!(yard.refuses(&vendor, &unsigned).contains("not what was signed"));
    let signed = vendor.forge(|manifest, body| {
        *body = bomb.clone();
        manifest.packed = digest(body);
    });
    assert!(yard.refuses(&vendor, &signed).contains("not as releases are written"));
    let huge = vendor.forge(|manifest, _| manifest.program.size = limits::PROGRAM_MAX + 1);
    assert!(yard.refuses(&vendor, &huge).contains("too large"));
}

#[test]
fn extraneous_entries_are_refused_even_when_they_are_signed() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let program = program(1);
    let hakobu = || Entry::file("hakobu", &program);
    let bodies = [
        tar(&[hakobu(), Entry::file("extra.so", b"x")]),
        tar(&[Entry::file("extra.so", b"x"), hakobu()]),
        tar(&[hakobu(), hakobu()]),
        [tar(&[hakobu()]), vec![0; 512]].concat(),
        [tar(&[hakobu()]), b"more".to_vec()].concat(),
    ];
    for (n, plain) in bodies.iter().enumerate() {
        let forged = vendor.forge(|manifest, body| {
            *body = gzip(plain);
            manifest.packed = digest(body);
        });
        assert!(yard.refuses(&vendor, &forged).contains("not as releases are written"), "body {n}");
    }
    let second_member = vendor.forge(|manifest, body| {
        body.extend(gzip(b"more"));
        manifest.packed = digest(body);
    });
    assert!(yard.refuses(&vendor, &second_member).contains("not as releases are written"));
}

#[test]
fn links_and_names_that_climb_are_refused_even_when_they_are_signed() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let program = program(1);
    let bodies = [
        tar(&[Entry::link("hakobu", "/bin/sh"), Entry::file("hakobu", &program)]),
        tar(&[Entry::link("hakobu", "../../../etc/passwd")]),
        tar(&[Entry::file("../hakobu", &program)]),
        tar(&[Entry::file("../../slots/1.4.0/hakobu", &program)]),
        tar(&[Entry::file("/tmp/hakobu", &program)]),
        tar(&[Entry::file("./hakobu", &program)]),
        tar(&[Entry { mode: 0o4755, ..Entry::file("hakobu", &program) }]),
    ];
    for (n, plain) in bodies.iter().enumerate() {
        let forged = vendor.forge(|manifest, body| {
            *body = gzip(plain);
            manifest.packed = digest(body);
        });
        assert!(yard.refuses(&vendor, &forged).contains("not as releases are written"), "body {n}");
    }
    assert_eq!(
        std::fs::read_dir(yard.dir.path()).unwrap().filter(|e| e.as_ref().unwrap().file_name() != "slots").count(),
        0
    );
}

#[test]
fn fast_forward_an_absurd_version_by_a_stolen_and_then_revoked_key_does_not_block_later_releases() {
    let (mut vendor, mut yard) = (Vendor::with(2, 1), Yard::new());
    let stolen = vendor.keys.signing.remove(0);
    let lost = stolen.public().id();
    let absurd = vendor.pack_as(Vendor::order("999.999.0"), &[stolen], &vendor.keys.document).unwrap();
    let (next, new) = vendor::next_keys(&vendor.document(), &Change::Revoke(&[lost]), vendor.now, 700 * DAY).unwrap();
    vendor.keys.document = next.sign(&vendor.keys.roots).unwrap();
    vendor.keys.signing.extend(new);
    yard.standing.keys_seen = next.version;
    assert!(yard.refuses(&vendor, &absurd).contains("older one"));
    // The thief puts the new document before the old manifest.
    let bytes = std::fs::read(&absurd).unwrap();
    let head = Head::read(&bytes).unwrap();
    let again = [Head::write(&vendor.keys.document, &head.manifest), bytes[head.len..].to_vec()].concat();
    assert!(yard.refuses(&vendor, &vendor.file("again", &again)).contains("revoked"));
    // Both lie on the server; the good one below the absurd one is found, and it installs.
    assert_eq!(plan::candidates(vec![v("999.999.0"), v("1.5.0")], &yard.standing), [v("999.999.0"), v("1.5.0")]);
    assert_eq!(yard.install(&vendor, &vendor.pack("1.5.0")).unwrap(), v("1.5.0"));
}

#[test]
fn freeze_a_release_or_keys_document_past_its_time_is_refused() {
    let (vendor, mut yard) = (Vendor::new(), Yard::new());
    let bundle = vendor.pack("1.5.0");
    yard.standing.now = vendor.now.plus(91 * DAY);
    assert!(yard.refuses(&vendor, &bundle).contains("release expired on"));
    yard.standing.now = vendor.now.plus(701 * DAY);
    assert!(yard.refuses(&vendor, &bundle).contains("keys document expired on"));
    yard.standing.now = crate::base::Time(0);
    assert!(yard.refuses(&vendor, &bundle).contains("clock"));
}

#[test]
fn mix_and_match_a_manifest_under_another_keys_document_is_refused() {
    let (mut vendor, yard) = (Vendor::new(), Yard::new());
    let bytes = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let head = Head::read(&bytes).unwrap();
    let (next, _) = vendor::next_keys(&vendor.document(), &Change::Renew, vendor.now, 700 * DAY).unwrap();
    vendor.keys.document = next.sign(&vendor.keys.roots).unwrap();
    let mixed = [Head::write(&vendor.keys.document, &head.manifest), bytes[head.len..].to_vec()].concat();
    assert!(yard.refuses(&vendor, &vendor.file("mixed", &mixed)).contains("do not belong together"));
}

#[test]
fn mix_and_match_the_body_of_another_signed_release_is_refused() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let new = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let old = std::fs::read(vendor.forge(|manifest, body| {
        *body = gzip(&tar(&[Entry::file("hakobu", &program(3))]));
        manifest.packed = digest(body);
        manifest.program = digest(&program(3));
        manifest.version = v("1.3.0");
    }))
    .unwrap();
    let (new_head, old_head) = (Head::read(&new).unwrap(), Head::read(&old).unwrap());
    let mixed = [&new[..new_head.len], &old[old_head.len..]].concat();
    assert!(yard.refuses(&vendor, &vendor.file("mixed", &mixed)).contains("not what was signed"));
}

#[test]
fn rollback_an_older_version_and_the_same_version_are_refused() {
    let (vendor, mut yard) = (Vendor::new(), Yard::new());
    for (offered, says) in [("1.3.9", "older than what runs"), ("1.4.0", "already"), ("1.4.0-rc.1", "older than")] {
        let bundle = vendor.pack(offered);
        assert!(yard.refuses(&vendor, &bundle).contains(says), "{offered}");
        yard.standing.wanted = Some(v(offered));
        assert!(yard.refuses(&vendor, &bundle).contains(says), "{offered}, also when it is asked for");
        yard.standing.wanted = None;
    }
    yard.standing.minimum = Some(v("2.0.0"));
    assert!(yard.refuses(&vendor, &vendor.pack("1.5.0")).contains("oldest version that may still run"));
}

#[test]
fn rollback_an_older_keys_document_is_refused() {
    let (vendor, mut yard) = (Vendor::new(), Yard::new());
    yard.standing.keys_seen = 2;
    assert!(yard.refuses(&vendor, &vendor.pack("1.5.0")).contains("older one (1); this house has seen 2"));
}

#[test]
fn a_stolen_single_key_is_below_the_threshold() {
    let (vendor, yard) = (Vendor::with(3, 2), Yard::new());
    let signing = &vendor.keys.signing;
    let below = vendor.pack_as(Vendor::order("1.5.0"), &signing[..1], &vendor.keys.document);
    assert!(below.unwrap_err().says().en.contains("2 needed, 1 good"), "the vendor's own tool says so first");
    // The thief does not use the vendor's tool; and signing twice is not signing by two.
    let key = || SecretKey::from_seed(zeroize::Zeroizing::new(*signing[0].seed())).unwrap();
    for (keys, says) in [(vec![key()], "2 needed, 1 good"), (vec![key(), key()], "does not fit")] {
        let thief = Vendor { keys: vendor::NewKeys { signing: keys, ..whole(&vendor) }, ..Vendor::new() };
        assert!(yard.refuses(&vendor, &thief.forge(|_, _| ())).contains(says));
    }
    assert_eq!(yard.install(&vendor, &vendor.pack("1.5.0")).unwrap(), v("1.5.0"));
}

fn whole(vendor: &Vendor) -> vendor::NewKeys {
    let keys = &vendor.keys;
    vendor::NewKeys { roots: vec![], signing: vec![], public: keys.public.clone(), document: keys.document.clone() }
}

#[test]
fn a_stolen_single_root_is_below_the_threshold() {
    let how_many = HowMany { roots: 3, root_threshold: 2, signing: 1, signing_threshold: 1 };
    let (mut vendor, yard) = (Vendor::new(), Yard::new());
    vendor.keys = vendor::new_keys(&how_many, vendor.now, 700 * DAY).unwrap();
    let thief = SecretKey::generate().unwrap();
    let mut document = vendor.document();
    document.version = 9;
    document.keys = vec![thief.public().clone()];
    let alone = document.sign(&vendor.keys.roots[..1]).unwrap();
    let bundle = vendor.pack_as(Vendor::order("1.5.0"), &[thief], &alone).unwrap();
    assert!(yard.refuses(&vendor, &bundle).contains("lacks root signatures (2 needed, 1 good)"));
}

#[test]
fn a_release_for_another_target_or_of_another_product_is_refused() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let arm = Order { target: "aarch64-linux".into(), ..Vendor::order("1.5.0") };
    let bundle = vendor.pack_as(arm, &vendor.keys.signing, &vendor.keys.document).unwrap();
    assert!(yard.refuses(&vendor, &bundle).contains("aarch64-linux"));
    let renamed = vendor.dir.path().join(format!("hakobu-1.5.0-{TARGET}.tar.gz"));
    std::fs::rename(bundle, &renamed).unwrap();
    assert!(yard.refuses(&vendor, &renamed).contains("aarch64-linux"), "a name proves nothing");
    let other = vendor.forge(|manifest, _| manifest.product = "nimotsu".into());
    assert!(yard.refuses(&vendor, &other).contains("another product"));
}

#[test]
fn a_truncated_file_is_refused_wherever_it_was_cut() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let bundle = vendor.pack("1.5.0");
    let whole = std::fs::read(&bundle).unwrap();
    let head = Head::read(&whole).unwrap().len;
    let cuts = (0..head).step_by(97).chain([head - 1, head, head + 1]).chain((head..whole.len()).step_by(4_099));
    for cut in cuts.chain([whole.len() - 1]) {
        std::fs::write(&bundle, &whole[..cut]).unwrap();
        yard.refuses(&vendor, &bundle);
    }
}
