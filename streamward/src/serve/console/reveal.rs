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
use super::super::messages::{kept, kept_async};
use super::super::page::Html;
use super::super::why;
use super::{Refusal, cases, may};
use crate::clock::now;
use crate::store::{Account, Error};
use crate::{film, html, say};

/// The longest file that is unpacked here, in bytes.
const LEN_MAX: u64 = 64 << 20;
/// The longest side of what is sent, in pixels: small, and as it is.
const TILE_SIDE: u32 = 320;
/// Of a sheet, which holds three stills a side.
const SHEET_SIDE: u32 = 720;
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
                Covered(StatusCode::TOO_MANY_REQUESTS, why::refused(&casework::Error::BudgetSpent))
            }
            Error::Refused(refused) => Covered(StatusCode::CONFLICT, why::refused(&refused)),
            Error::NoSuchCase { .. } | Error::NoSuchPerson => absent(),
            Error::Database(_) | Error::Damaged { .. } | Error::Key(_) => {
                tracing::error!(kind = error.kind(), "the store failed");
                Covered(StatusCode::SERVICE_UNAVAILABLE, say!("look.store_failed"))
            }
        }
    }
}

impl From<Refusal> for Covered {
    fn from(refusal: Refusal) -> Covered {
        match refusal {
            Refusal::Store(error) => error.into(),
            Refusal::Filled(what) | Refusal::Settings(what) => Covered(StatusCode::UNPROCESSABLE_ENTITY, what),
            // The desk of payments has no files to look at.
            Refusal::NotYours | Refusal::Blind | Refusal::Paid(_) => absent(),
        }
    }
}

fn absent() -> Covered {
    Covered(StatusCode::NOT_FOUND, say!("look.nothing_here"))
}

/// The tiles of a case: one for each picture in the vault, with nothing in it.
pub(super) async fn tiles(desk: &Shared, id: &str, dossier: &Dossier, reader: &Account) -> Result<Html, Refusal> {
    let is_picture = |file: &&Evidence| file.kept.sealing().is_some() && Media::of(file).is_some();
    let pictures: Vec<&Evidence> = dossier.evidence().iter().filter(is_picture).collect();
    if pictures.is_empty() || !reader.may(Permission::Reveal) || !reader.compartments.contains(&Compartment::Video) {
        return Ok(html!(""));
    }
    if dossier.may_look(&reader.name).is_err() {
        return Ok(html!("<h2>{}</h2><p>{}</p>", say!("look.title"), say!("look.take_first")));
    }
    let (used, budget) = (desk.store.exposure(&reader.name, now()).await?, desk.settings.exposure);
    let warning = match budget.room(used) {
        Room::Enough => html!(""),
        Room::Little => {
            html!("<p><strong>{}</strong> {}</p>", say!("look.much_used"), say!("look.time_for_break"))
        }
        Room::None => {
            let spent = why::sentence(&why::refused(&casework::Error::BudgetSpent));
            html!("<p class=\"alarm\" role=\"alert\">{}</p>", spent)
        }
    };
    let seen = dossier.referrals_in(&reader.compartments).next().map(|referral| super::words::seen(referral.intake()));
    let tile = |(index, file): (usize, &&Evidence)| {
        let number = index + 1;
        let (named, shown) = match Media::of(file) {
            Some(Media::Film) => (say!("look.film", number = number), say!("look.film_shown", number = number)),
            _ => (say!("look.picture", number = number), say!("look.picture_shown", number = number)),
        };
        html!(
            "<li class=\"tile\" data-reveal=\"/cases/{}/files/{}/reveal\" data-ms=\"{}\"><h3>{}</h3>\
             <p>{}</p><div class=\"pane\"><canvas hidden role=\"img\" aria-label=\"{}\"></canvas></div>\
             <p><button type=\"button\" data-mode=\"tile\">{}</button> \
             <button type=\"button\" data-mode=\"full\" class=\"quiet\">{}</button></p>\
             <p role=\"status\">{}</p></li>",
            id,
            file.digits(),
            LOOK_MS_MAX,
            named,
            say!("look.about", n = file.len, seen = seen.as_deref().unwrap_or_default()),
            shown,
            say!("look.hold_tile"),
            say!("look.hold_full"),
            say!("script.covered")
        )
    };
    let tiles: Vec<Html> = pictures.iter().enumerate().map(tile).collect();
    Ok(html!(
        "<h2>{}</h2>{}<p>{}</p><p class=\"quiet-text\">{} {}</p><ul class=\"tiles\">{}</ul>",
        say!("look.title"),
        warning,
        say!("look.need_not"),
        say!("look.how", n = LOOK_MS_MAX / 1000),
        say!(
            "look.today",
            looks = used.n_looks,
            looks_max = budget.looks_per_day,
            seconds = used.shown_ms.div_ceil(1000),
            seconds_max = budget.seconds_per_day
        ),
        tiles
    ))
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
            return Err(Covered(StatusCode::UNPROCESSABLE_ENTITY, say!("look.wrong_mode")));
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
    let gone = || Covered(StatusCode::GONE, say!("look.gone"));
    let grant = desk.grants.take(&name, &reader.name, now()).ok_or_else(gone)?;
    // It goes on when the browser hangs up: what was begun is logged and ended here, whoever listens.
    let done = tokio::spawn(kept_async(async move { logged(&desk, &name, &grant).await }));
    let bytes = done.await.map_err(|_| Covered(StatusCode::SERVICE_UNAVAILABLE, say!("look.broke")))??;
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
    let made = tokio::task::spawn_blocking(kept(move || {
        let media = Media::of(&evidence);
        let len_max = if media == Some(Media::Film) { film::LEN_MAX } else { LEN_MAX };
        let bytes = files.open(&evidence, &sealing, len_max).map_err(|error| {
            tracing::error!("a file of the vault cannot be opened");
            let line = error.to_string();
            Covered(StatusCode::CONFLICT, line.lines().next().unwrap_or_default().to_owned())
        })?;
        let shown = match media {
            Some(Media::Film) => film::sheet(bytes).ok().and_then(|sheet| shown(sheet.into(), mode, SHEET_SIDE)),
            Some(Media::Picture) | None => picture(&bytes, mode),
        };
        shown.ok_or_else(|| Covered(StatusCode::UNPROCESSABLE_ENTITY, say!("look.no_picture")))
    }));
    let bytes = made.await.map_err(|_| Covered(StatusCode::UNPROCESSABLE_ENTITY, say!("look.broke")))??;
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
    shown(image, mode, TILE_SIDE)
}

/// A picture as it is sent; the small one with at most `tile_side` pixels a side.
fn shown(image: DynamicImage, mode: Mode, tile_side: u32) -> Option<Vec<u8>> {
    let within = |image: DynamicImage, side: u32| match image.width() > side || image.height() > side {
        true => image.thumbnail(side, side),
        false => image,
    };
    let shown = match mode {
        Mode::Tile => DynamicImage::from(within(image, tile_side).blur(BLUR).to_luma8()),
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
