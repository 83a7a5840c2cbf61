//! How is a file looked at, and by whom for how long?
//!
//! The page of a case holds no byte of any file. While a button is held, the page asks for a grant, and with it, once, for the
//! bytes; the look is in the log before they leave. First small, grey and blurred; as it is only after that. What is sent is
//! made anew from the picture's pixels here, so that no browser unpacks a stranger's file.

use std::io::Cursor;

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::exposure::{LOOK_MS_MAX, Room};
use casework::role::{Compartment, Permission};
use casework::view::{Mode, View};
use casework::{Dossier, Evidence};
use image::{DynamicImage, ImageFormat};
use serde::Deserialize;
use serde_json::json;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::grants::{Ended, Grant};
use super::super::page::Html;
use super::{Refusal, cases, may};
use crate::clock::now;
use crate::film;
use crate::html;
use crate::store::{Account, Error};

/// The longest file that is unpacked here, in bytes.
const LEN_MAX: u64 = 64 << 20;
/// The longest side of what is sent, in pixels: small, and as it is.
const TILE_SIDE: u32 = 320;
const FULL_SIDE: u32 = 2048;
/// How strongly the small picture is blurred: the standard deviation of the blur, in pixels.
const BLUR: f32 = 5.0;

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/cases/{case}/files/{file}/reveal", may(Permission::Reveal), ask)
        .get("/reveal/{grant}", may(Permission::Reveal), show)
        .post("/reveal/{grant}/cover", may(Permission::Reveal), cover)
}

/// What can be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    Picture,
    /// As a sheet of its pictures.
    Film,
}

impl Media {
    fn of(file: &Evidence) -> Option<Media> {
        match file.media_type.split('/').next() {
            Some("image") => Some(Media::Picture),
            Some("video") => Some(Media::Film),
            _ => None,
        }
    }
}

/// Why nothing is shown, for the script that asked: a status and one sentence.
struct Covered(StatusCode, String);

impl IntoResponse for Covered {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<Error> for Covered {
    fn from(error: Error) -> Covered {
        match error {
            Error::Refused(casework::Error::BudgetSpent) => {
                Covered(StatusCode::TOO_MANY_REQUESTS, casework::Error::BudgetSpent.to_string())
            }
            Error::Refused(refused) => Covered(StatusCode::CONFLICT, refused.to_string()),
            Error::NoSuchCase { .. } | Error::NoSuchPerson => absent(),
            Error::Database(_) | Error::Damaged { .. } | Error::Key(_) => {
                tracing::error!(kind = error.kind(), "the store failed");
                Covered(StatusCode::SERVICE_UNAVAILABLE, "the store did not do it; nothing was shown".to_owned())
            }
        }
    }
}

impl From<Refusal> for Covered {
    fn from(refusal: Refusal) -> Covered {
        match refusal {
            Refusal::Store(error) => error.into(),
            Refusal::Filled(what) => Covered(StatusCode::UNPROCESSABLE_ENTITY, what),
            // The desk of payments has no files to look at.
            Refusal::NotYours | Refusal::Blind | Refusal::Paid(_) => absent(),
        }
    }
}

fn absent() -> Covered {
    Covered(StatusCode::NOT_FOUND, "there is nothing at this address".to_owned())
}

/// The tiles of a case: one for each picture in the vault, with nothing in it.
pub(super) async fn tiles(desk: &Shared, id: &str, dossier: &Dossier, reader: &Account) -> Result<Html, Refusal> {
    let is_picture = |file: &&Evidence| file.kept.sealing().is_some() && Media::of(file).is_some();
    let pictures: Vec<&Evidence> = dossier.evidence().iter().filter(is_picture).collect();
    if pictures.is_empty() || !reader.may(Permission::Reveal) || !reader.compartments.contains(&Compartment::Video) {
        return Ok(html!(""));
    }
    if dossier.may_look(&reader.name).is_err() {
        return Ok(html!("<h2>Look</h2><p>Take the case first: only who has a case is shown its files.</p>"));
    }
    let (used, budget) = (desk.store.exposure(&reader.name, now()).await?, desk.settings.exposure);
    let warning = match budget.room(used) {
        Room::Enough => html!(""),
        Room::Little => html!("<p><strong>Most of today's looks are used.</strong> It is time for a break.</p>"),
        Room::None => {
            html!("<p class=\"alarm\" role=\"alert\">{}</p>", sentence(&casework::Error::BudgetSpent.to_string()))
        }
    };
    let seen = dossier.referrals_in(&reader.compartments).next().map(|referral| super::words::seen(referral.intake()));
    let tile = |(index, file): (usize, &&Evidence)| {
        let number = index + 1;
        html!(
            "<li class=\"tile\" data-reveal=\"/cases/{}/files/{}/reveal\" data-ms=\"{}\"><h3>Picture {}</h3>\
             <p>{} bytes. {}.</p><div class=\"pane\"><canvas hidden role=\"img\" aria-label=\"Picture {}, shown while you \
             hold\"></canvas></div><p><button type=\"button\" data-mode=\"tile\">Hold: small, grey, blurred</button> \
             <button type=\"button\" data-mode=\"full\" class=\"quiet\">Hold: as it is</button></p>\
             <p role=\"status\">Covered.</p></li>",
            id,
            file.digits(),
            LOOK_MS_MAX,
            number,
            file.len,
            seen,
            number
        )
    };
    let tiles: Vec<Html> = pictures.iter().enumerate().map(tile).collect();
    Ok(html!(
        "<h2>Look</h2>{}<p>You can decide without looking: what was matched stands above. If you look, look shortly; you may \
         stop, hand the case back and take a break at any time, and nobody asks why.</p>\
         <p class=\"quiet-text\">Shown while you hold a button, or hold F and J together on it; covered when you let go, and \
         after {} seconds. Each look is in the log under your name. Today: {} of {} looks, {} of {} seconds.</p>\
         <ul class=\"tiles\">{}</ul>",
        warning,
        (LOOK_MS_MAX / 1000) as i64,
        used.n_looks,
        budget.looks_per_day,
        used.shown_ms.div_ceil(1000),
        budget.seconds_per_day,
        tiles
    ))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

#[derive(Deserialize)]
struct Asked {
    mode: String,
}

/// A grant for one look, while a button is held.
async fn ask(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((case, file)): Path<(String, String)>,
    asked: Result<Form<Asked>, axum::extract::rejection::FormRejection>,
) -> Result<Response, Covered> {
    let dossier = cases::open(&desk, &reader, &case).await?;
    if !reader.compartments.contains(&Compartment::Video) {
        return Err(absent());
    }
    let mode = match asked.as_ref().map(|Form(asked)| asked.mode.as_str()) {
        Ok("tile") => Mode::Tile,
        Ok("full") => Mode::Full,
        Ok(_) | Err(_) => {
            return Err(Covered(StatusCode::UNPROCESSABLE_ENTITY, "a file is shown as tile or as full".to_owned()));
        }
    };
    let evidence = dossier.evidence().iter().find(|known| known.digits() == file).ok_or_else(absent)?;
    let at = now();
    let view = View { evidence: evidence.sha256, who: reader.name.clone(), mode, shown_ms: 0, at };
    dossier.check_look(&view).map_err(Error::Refused)?;
    desk.store.vault().await?.plan().map_err(Error::Refused)?;
    desk.settings.exposure.check(desk.store.exposure(&reader.name, at).await?).map_err(Error::Refused)?;
    let grant = desk.grants.give(&reader.name, &case, evidence.sha256, mode, at);
    Ok(axum::Json(json!({ "grant": grant })).into_response())
}

/// The bytes, once.
async fn show(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
) -> Result<Response, Covered> {
    let gone = || Covered(StatusCode::GONE, "this look was used, or came too late; hold the button again".to_owned());
    let grant = desk.grants.take(&name, &reader.name, now()).ok_or_else(gone)?;
    // It goes on when the browser hangs up: what was begun is logged and ended here, whoever listens.
    let done = tokio::spawn(async move { logged(&desk, &name, &grant).await });
    let bytes = done.await.map_err(|_| Covered(StatusCode::SERVICE_UNAVAILABLE, "the picture broke".to_owned()))??;
    let bytes = bytes.ok_or_else(gone)?;
    let kind = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")];
    Ok((kind, [(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")], bytes).into_response())
}

/// The picture, with the look in the log; none when the button was let go meanwhile.
async fn logged(desk: &Shared, name: &str, grant: &Grant) -> Result<Option<Vec<u8>>, Covered> {
    desk.store.vault().await?.plan().map_err(Error::Refused)?;
    let dossier = desk.store.case(&grant.case).await?;
    let evidence = dossier.evidence().iter().find(|known| known.sha256 == grant.evidence).cloned();
    let (evidence, sealing) =
        evidence.and_then(|file| Some((file.clone(), file.kept.sealing()?.clone()))).ok_or_else(absent)?;
    let (files, mode) = (desk.files.clone(), grant.mode);
    let _turn = desk.unpacking.acquire().await;
    let made = tokio::task::spawn_blocking(move || {
        let media = Media::of(&evidence);
        let len_max = if media == Some(Media::Film) { film::LEN_MAX } else { LEN_MAX };
        let bytes = files.open(&evidence, &sealing, len_max).map_err(|error| {
            tracing::error!("a file of the vault cannot be opened");
            let line = error.to_string();
            Covered(StatusCode::CONFLICT, line.lines().next().unwrap_or_default().to_owned())
        })?;
        let shown = match media {
            Some(Media::Film) => film::sheet(bytes).ok().and_then(|sheet| shown(sheet.into(), mode)),
            Some(Media::Picture) | None => picture(&bytes, mode),
        };
        shown.ok_or_else(|| {
            Covered(StatusCode::UNPROCESSABLE_ENTITY, "this file is no picture that can be shown".to_owned())
        })
    });
    let bytes = made.await.map_err(|_| Covered(StatusCode::UNPROCESSABLE_ENTITY, "the picture broke".to_owned()))??;
    if !desk.grants.is_held(name) {
        return Ok(None);
    }
    let view = View { evidence: grant.evidence, who: grant.who.clone(), mode, shown_ms: 0, at: now() };
    let look = desk.store.begin_look(&grant.case, view, &desk.settings.exposure).await?;
    if desk.grants.logged(name, look) {
        return Ok(Some(bytes));
    }
    desk.store.end_look(&grant.case, look, &grant.who, 0, now()).await?;
    Ok(None)
}

#[derive(Deserialize)]
struct Shown {
    shown_ms: u64,
}

/// The end of a look.
async fn cover(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
    shown: Result<Form<Shown>, axum::extract::rejection::FormRejection>,
) -> Result<Response, Covered> {
    // Without a figure it was as long as a look can be: a lie makes nobody's day longer.
    let shown_ms = shown.map_or(LOOK_MS_MAX, |Form(shown)| shown.shown_ms);
    match desk.grants.end(&name, &reader.name) {
        Ended::Unknown => Err(absent()),
        Ended::BeforeLog => Ok(StatusCode::NO_CONTENT.into_response()),
        Ended::Look { case, look } => {
            let (dossier, at) = (desk.store.case(&case).await?, now());
            let since = dossier.views().look(look).map_or(0, |view| at.as_millisecond() - view.at.as_millisecond());
            let shown_ms = shown_ms.min(u64::try_from(since).unwrap_or(0)).min(LOOK_MS_MAX);
            desk.store.end_look(&case, look, &reader.name, shown_ms, at).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    }
}

/// The picture as it is shown, a JPEG; none when the file is no picture that we unpack.
fn picture(file: &[u8], mode: Mode) -> Option<Vec<u8>> {
    let unpacked = crate::picture::unpack(file).ok()?;
    let mut image = unpacked.image;
    image.apply_orientation(unpacked.orientation);
    shown(image, mode)
}

/// A picture as it is sent.
fn shown(image: DynamicImage, mode: Mode) -> Option<Vec<u8>> {
    let within = |image: DynamicImage, side: u32| match image.width() > side || image.height() > side {
        true => image.thumbnail(side, side),
        false => image,
    };
    let shown = match mode {
        Mode::Tile => DynamicImage::from(within(image, TILE_SIDE).blur(BLUR).to_luma8()),
        Mode::Full => DynamicImage::from(within(image, FULL_SIDE).to_rgb8()),
        Mode::Exif => return None,
    };
    let mut bytes = Cursor::new(Vec::new());
    shown.write_to(&mut bytes, ImageFormat::Jpeg).ok()?;
    Some(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_first_is_small_and_grey_and_nothing_of_the_file_goes_along() {
        let mut file = Cursor::new(Vec::new());
        let picture_in = image::RgbImage::from_fn(900, 600, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 200]));
        DynamicImage::from(picture_in).write_to(&mut file, ImageFormat::Png).unwrap();
        let file = file.into_inner();
        let tile = image::load_from_memory(&picture(&file, Mode::Tile).unwrap()).unwrap();
        assert_eq!((tile.width(), tile.height(), tile.color().has_color()), (320, 213, false));
        let full = image::load_from_memory(&picture(&file, Mode::Full).unwrap()).unwrap();
        assert_eq!((full.width(), full.height()), (900, 600));
        assert!(picture(&file, Mode::Exif).is_none());
        assert!(picture(b"no picture", Mode::Tile).is_none());
        assert!(picture(&file[..file.len() / 2], Mode::Full).is_none(), "cut short");
    }
}
