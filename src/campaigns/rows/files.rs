//! Attachments and images of campaigns.

use crate::base::{Result, ids::CampaignId};
use crate::campaigns::content::{FileCard, FileRole};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in crate::campaigns) fn insert(c: &Connection, campaign: CampaignId, f: &FileCard) -> Result<()> {
    c.execute(
        "INSERT INTO campaign_files (campaign, role, name, media, size, blob, token) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (campaign, name) DO UPDATE SET role = ?2, media = ?4, size = ?5, blob = ?6, token = ?7",
        params![campaign.0, f.role.name(), f.name, f.media, f.size as i64, f.blob, f.token],
    )?;
    Ok(())
}

pub(in crate::campaigns) fn remove(c: &Connection, campaign: CampaignId, name: &str) -> Result<Option<String>> {
    let sql = "DELETE FROM campaign_files WHERE campaign = ?1 AND name = ?2 RETURNING blob";
    Ok(c.query_row(sql, params![campaign.0, name], |r| r.get(0)).optional()?)
}

pub(in crate::campaigns) fn of(c: &Connection, campaign: CampaignId) -> Result<Vec<FileCard>> {
    let mut q = c.prepare_cached(
        "SELECT role, name, media, size, blob, token FROM campaign_files WHERE campaign = ?1 ORDER BY id",
    )?;
    let rows = q.query_map([campaign.0], |r| Ok(card(r)))?;
    rows.map(|r| r?).collect()
}

pub(in crate::campaigns) fn by_token(c: &Connection, token: &str) -> Result<Option<FileCard>> {
    let mut q = c.prepare_cached("SELECT role, name, media, size, blob, token FROM campaign_files WHERE token = ?1")?;
    q.query_row([token], |r| Ok(card(r))).optional()?.transpose()
}

pub(in crate::campaigns) fn blob_used(c: &Connection, blob: &str) -> Result<bool> {
    Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM campaign_files WHERE blob = ?1)", [blob], |r| r.get(0))?)
}

fn card(r: &Row<'_>) -> Result<FileCard> {
    Ok(FileCard {
        role: FileRole::parse(&r.get::<_, String>(0)?)?,
        name: r.get(1)?,
        media: r.get(2)?,
        size: r.get::<_, i64>(3)? as u64,
        blob: r.get(4)?,
        token: r.get(5)?,
    })
}
