//! The drill: the signing key is stolen, the offline root revokes it, and the fleet goes on.

use super::{DAY, Vendor, Yard, v};
use crate::base::Secret;
use crate::update::vendor::{self, Change, KeyRole};

#[test]
fn a_stolen_signing_key_is_revoked_by_the_offline_root_in_one_release() {
    let (mut vendor, mut yard) = (Vendor::new(), Yard::new());
    // The thief has the key and signs while the theft is unknown: a house that looks now would take it.
    let stolen = vendor.keys.signing.remove(0);
    let bait = vendor.pack_as(Vendor::order("1.6.0"), std::slice::from_ref(&stolen), &vendor.keys.document).unwrap();
    // The root comes out of the safe, signs a document without the key, and goes back.
    let lost = [stolen.public().id()];
    let (next, new) = vendor::next_keys(&vendor.document(), &Change::Revoke(&lost), vendor.now, 700 * DAY).unwrap();
    vendor.keys.document = next.sign(&vendor.keys.roots).unwrap();
    vendor.keys.signing = new;
    // The next release brings the document, so every house that takes it knows.
    let release = vendor.pack("1.5.0");
    assert_eq!(yard.install(&vendor, &release).unwrap(), v("1.5.0"));
    yard.standing.running = v("1.5.0");
    yard.standing.keys_seen = next.version;
    std::fs::remove_dir_all(yard.slots.dir()).unwrap();
    // From here on the thief's releases are nothing, old ones and new ones.
    assert!(yard.refuses(&vendor, &bait).contains("older one"));
    let late = vendor.pack_as(Vendor::order("1.7.0"), &[stolen], &vendor.keys.document);
    assert!(late.unwrap_err().says().en.contains("revoked"));
    assert_eq!(yard.install(&vendor, &vendor.pack("1.6.0")).unwrap(), v("1.6.0"));
}

#[test]
fn keys_rotate_without_a_theft_and_a_root_extends_what_it_signed() {
    let vendor = Vendor::with(2, 1);
    let document = vendor.document();
    let ids: Vec<String> = document.keys.iter().map(|k| k.id()).collect();
    let change = |change: &Change<'_>| vendor::next_keys(&document, change, vendor.now.plus(DAY), 10 * DAY).unwrap();
    let (renewed, new) = change(&Change::Renew);
    assert_eq!((renewed.version, renewed.keys == document.keys, new.len()), (2, true, 0));
    assert_eq!(renewed.expires, vendor.now.plus(11 * DAY));
    let (all, new) = change(&Change::Rotate(&[]));
    assert!(new.len() == 2 && all.keys.iter().all(|k| !ids.contains(&k.id())) && all.revoked.is_empty());
    let (one, new) = change(&Change::Rotate(&ids[..1]));
    assert!(new.len() == 1 && one.keys.len() == 2 && one.find(&ids[0]).is_none() && one.find(&ids[1]).is_some());
    assert!(vendor::next_keys(&document, &Change::Revoke(&["0".repeat(16)]), vendor.now, DAY).is_err());
}

#[test]
fn a_private_key_in_a_file_opens_with_its_passphrase_alone_and_never_in_another_role() {
    let vendor = Vendor::new();
    let key = &vendor.keys.signing[0];
    let (right, wrong) = (Secret::new("正しい合い言葉です"), Secret::new("違う合い言葉です"));
    let plain = vendor::print_key(key, KeyRole::Signing, None).unwrap();
    let sealed = vendor::print_key(key, KeyRole::Signing, Some(&right)).unwrap();
    let back = vendor::read_key(&plain, KeyRole::Signing, None).unwrap();
    assert_eq!(back.public(), key.public());
    assert!(vendor::read_key(&sealed, KeyRole::Signing, Some(&right)).is_ok());
    assert!(!sealed.contains(&data_encoding::BASE64.encode(key.seed())));
    let exit = |text: &str, role, phrase| vendor::read_key(text, role, phrase).err().map(|e| e.kind().exit_code());
    assert_eq!(exit(&sealed, KeyRole::Signing, Some(&wrong)), Some(11));
    assert_eq!(exit(&sealed, KeyRole::Signing, None), Some(4));
    assert_eq!(exit(&plain, KeyRole::Root, None), Some(2));
    assert_eq!(exit("{}", KeyRole::Root, None), Some(2));
}
