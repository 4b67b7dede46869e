//! Where new versions are looked for, as `hakobu update source` sets it, and whether that place answers.

use super::HERE as UPDATES;
use crate::base::{Error, Kind, Result, Say, Secret};
use crate::update::source::{self, Project, Settings, Source, checked};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::path::Path;

const HERE: &str = "/settings/updates/source";

#[derive(Template)]
#[template(path = "updates-source.html")]
struct Shown {
    p: Page,
    faults: Faults,
    kind: Field,
    forge: Vec<Field>,
    bucket: Vec<Field>,
    folder: Field,
    is_set: bool,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let saved = source::get(&v.house.store)?;
    let w = v.w;
    let form = Form { v, saved: saved.as_ref(), faults: &faults };
    Answer::page(&Shown {
        p: v.page(w.source_title()).lead(w.source_lead()).under(w.menu_updates(), UPDATES).faulty(!faults.is_empty()),
        kind: form.kind(),
        forge: form.forge(),
        bucket: form.bucket(),
        folder: form.text("path", w.source_path(), w.source_path_support(), true),
        is_set: saved.is_some(),
        faults,
    })
}

/// The fields, with what was typed, or else with what is set.
struct Form<'a> {
    v: &'a Visit<'a>,
    saved: Option<&'a Settings>,
    faults: &'a Faults,
}

impl Form<'_> {
    fn value(&self, name: &str) -> String {
        match (self.v.form.has("kind"), self.saved) {
            (true, _) => self.v.form.get(name).to_owned(),
            (false, Some(settings)) => set(&settings.source, name),
            (false, None) if name == "kind" => "github".to_owned(),
            (false, None) => String::new(),
        }
    }

    fn kind(&self) -> Field {
        let w = self.v.w;
        Field::new(w, Input::Radios, "kind", w.source_kind())
            .required()
            .choice("github", w.source_github(), "")
            .choice("gitlab", w.source_gitlab(), "")
            .choice("gitea", w.source_gitea(), "")
            .choice("s3", w.source_s3(), "")
            .choice("folder", w.source_folder(), "")
            .choice("none", w.source_none(), w.source_none_means())
            .value(self.value("kind"))
            .fault(self.faults)
    }

    fn text(&self, name: &str, label: &str, support: &str, is_needed: bool) -> Field {
        let field = Field::new(self.v.w, Input::Text, name, label).support(support);
        let field = if is_needed { field.required_where_shown() } else { field };
        field.value(self.value(name)).fault(self.faults)
    }

    fn forge(&self) -> Vec<Field> {
        let w = self.v.w;
        let is_kept = self.saved.is_some_and(|s| s.token.is_some());
        let means = if is_kept { w.source_token_kept() } else { w.source_token_support() };
        let token = Field::new(w, Input::Password, "token", w.source_token()).support(means).fault(self.faults);
        let mut fields = vec![
            self.text("project", w.source_project(), w.source_project_support(), true),
            self.text("url", w.source_url(), w.source_url_support(), false),
            token,
        ];
        if is_kept {
            fields.push(Field::new(w, Input::Check, "token_drop", w.source_token_drop()));
        }
        fields
    }

    fn bucket(&self) -> Vec<Field> {
        let w = self.v.w;
        vec![
            self.text("bucket", w.source_bucket(), w.source_bucket_support(), true),
            self.text("region", w.source_region(), w.source_region_support(), false).width(20),
            self.text("prefix", w.source_prefix(), w.source_prefix_support(), false).width(20),
            self.text("bucket_url", w.source_bucket_url(), w.source_bucket_url_support(), false),
        ]
    }
}

/// What a source has under the name of a field.
fn set(source: &Source, name: &str) -> String {
    let kind = match source {
        Source::Github(_) => "github",
        Source::Gitlab(_) => "gitlab",
        Source::Gitea(_) => "gitea",
        Source::S3 { .. } => "s3",
        Source::Folder { .. } => "folder",
    };
    let found = match (name, source) {
        ("kind", _) => return kind.to_owned(),
        ("project", Source::Github(p) | Source::Gitlab(p) | Source::Gitea(p)) => {
            return format!("{}/{}", p.owner, p.name);
        }
        ("path", Source::Folder { path }) => return path.display().to_string(),
        ("bucket", Source::S3 { bucket, .. }) => Some(bucket),
        ("region", Source::S3 { region, .. }) => region.as_ref(),
        ("prefix", Source::S3 { prefix, .. }) => prefix.as_ref(),
        ("bucket_url", Source::S3 { url, .. }) => url.as_ref(),
        ("url", Source::Github(p) | Source::Gitlab(p) | Source::Gitea(p)) => p.url.as_ref(),
        _ => None,
    };
    found.cloned().unwrap_or_default()
}

/// A source in a few words, for other pages.
pub(super) fn place(w: Words, source: &Source) -> String {
    let (name, at) = match source {
        Source::Github(_) => (w.source_github(), set(source, "project")),
        Source::Gitlab(_) => (w.source_gitlab(), set(source, "project")),
        Source::Gitea(_) => ("Gitea", set(source, "project")),
        Source::S3 { bucket, .. } => ("S3", bucket.clone()),
        Source::Folder { path } => return path.display().to_string(),
    };
    format!("{name} {at}")
}

/// What is wrong, and the field that it belongs to.
type Wrong = (&'static str, Error);

fn missing(field: &'static str, says: Say) -> Wrong {
    (field, Error::refused(says))
}

/// The form as a source; `None` is none.
fn given(v: &Visit<'_>) -> std::result::Result<Option<Source>, Wrong> {
    let typed = |name: &str| Some(v.form.get(name).trim().to_owned()).filter(|t| !t.is_empty());
    let project = || -> std::result::Result<Project, Wrong> {
        let url = typed("url").map(checked).transpose().map_err(|e| ("url", e))?;
        Project::parse(&typed("project").unwrap_or_default(), url).map_err(|e| ("project", e))
    };
    Ok(Some(match v.form.get("kind") {
        "none" => return Ok(None),
        "github" => Source::Github(project()?),
        "gitlab" => Source::Gitlab(project()?),
        "gitea" => Source::Gitea(project()?),
        "s3" => bucket(typed)?,
        "folder" => folder(&typed("path").unwrap_or_default())?,
        _ => return Err(missing("kind", say!("種類を選んでください。", "Choose a kind."))),
    }))
}

fn bucket(typed: impl Fn(&str) -> Option<String>) -> std::result::Result<Source, Wrong> {
    let no_bucket = || missing("bucket", say!("バケットを入力してください。", "Enter the bucket."));
    let bucket = typed("bucket").ok_or_else(no_bucket)?;
    let url = typed("bucket_url").map(checked).transpose().map_err(|e| ("bucket_url", e))?;
    let region = typed("region");
    match url.is_none() && region.is_none() {
        true => Err(missing(
            "region",
            say!(
                "Amazon S3 では、リージョンを入力してください。例）ap-northeast-1",
                "Amazon S3 needs a region. Example: ap-northeast-1"
            ),
        )),
        false => Ok(Source::S3 { bucket, region, prefix: typed("prefix"), url }),
    }
}

fn folder(path: &str) -> std::result::Result<Source, Wrong> {
    let path = Path::new(path);
    match path.is_absolute() {
        true => Ok(Source::Folder { path: path.to_owned() }),
        false => Err(missing(
            "path",
            say!(
                "/ から始まる場所を入力してください。例）/media/usb/hakobu",
                "Enter a place that begins with a slash. Example: /media/usb/hakobu"
            ),
        )),
    }
}

/// What was typed, or else the token that is kept, which goes to the same kind of site at the same address only.
fn token(v: &Visit<'_>, source: &Source) -> Result<Option<Secret>> {
    let typed = v.form.get("token").trim();
    if matches!(source, Source::S3 { .. } | Source::Folder { .. }) {
        return Ok(None);
    }
    if !typed.is_empty() {
        return Ok(Some(Secret::new(typed)));
    }
    if v.form.has("token_drop") {
        return Ok(None);
    }
    let same = |s: &Settings| set(&s.source, "kind") == set(source, "kind") && s.source.url() == source.url();
    Ok(source::get(&v.house.store)?.filter(same).and_then(|s| s.token))
}

pub(crate) fn save(v: &mut Visit<'_>) -> Result<Answer> {
    let source = match given(v) {
        Ok(source) => source,
        Err((field, e)) => return Ok(draw(v, Faults::one(v.lang, field, &e))?.status(422)),
    };
    let settings = match source {
        Some(source) => Some(Settings { token: token(v, &source)?, source }),
        None => None,
    };
    match source::set(&v.house.store, &v.by(), v.now, settings.as_ref()) {
        Ok(()) => v.back_to(HERE, say!("取得元を保存しました。", "The source is saved.")),
        // A token that somebody could read on its way.
        Err(e) if e.kind() == Kind::Refused => Ok(draw(v, Faults::one(v.lang, "url", &e))?.status(422)),
        Err(e) => Err(e),
    }
}

pub(crate) fn check(v: &mut Visit<'_>) -> Result<Answer> {
    match v.house.look_for_update(&v.by(), v.now) {
        Ok(Some(version)) => v.back_to(
            UPDATES,
            say!("取得元に、新しい版 {version} があります。", "The source has a newer version: {version}."),
        ),
        Ok(None) => v.back_to(
            HERE,
            say!(
                "取得元は応答しました。いまの版より新しい版はありません。",
                "The source answers. It has nothing newer."
            ),
        ),
        Err(e) => v.back_with(HERE, &e),
    }
}
