//! Topics: what recipients subscribe to.

use crate::access::Right;
use crate::base::{Kind, Result, ids::TopicId};
use crate::contacts::topic::{self, Topic};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "topics.html")]
struct Topics {
    p: Page,
    faults: Faults,
    topics: Vec<Topic>,
    name: Field,
    may_edit: bool,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let name = Field::new(w, Input::Text, "name", w.topic_name())
        .required()
        .unmarked()
        .support(w.topic_name_support())
        .value(v.form.get("name"))
        .fault(&faults);
    Answer::page(&Topics {
        p: v.page(w.menu_topics()).lead(w.topics_lead()).faulty(!faults.is_empty()),
        topics: topic::list(&v.house.store)?,
        name,
        may_edit: v.may(Right::Edit),
        faults,
    })
}

pub(crate) fn create(v: &mut Visit<'_>) -> Result<Answer> {
    match topic::create(&v.house.store, &v.by(), v.now, v.form.get("name")) {
        Ok(_) => v.back_to("/topics", say!("配信種別を作りました。", "The topic is made.")),
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Conflict) => {
            Ok(draw(v, Faults::one(v.lang, "name", &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn make_default(v: &mut Visit<'_>) -> Result<Answer> {
    topic::make_default(&v.house.store, &v.by(), v.now, TopicId::parse(v.part("id"))?)?;
    v.back_to("/topics", say!("既定の配信種別を変えました。", "The default topic is changed."))
}
