//! What does every page look like, and how does no text of a stranger become part of it?
//!
//! [`html!`](crate::html) writes text escaped; only what is [`Html`] already goes in as it is. So a page is safe because
//! it compiles, not because somebody remembered.

use std::fmt::{Display, Formatter, Result};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::messages;
use crate::say;

/// Text that is HTML already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html(pub(crate) String);

/// Writes HTML as `format!` does; what stands for `{}` is escaped unless it is [`Html`].
#[macro_export]
macro_rules! html {
    ($format:literal $(, $value:expr)* $(,)?) => {
        $crate::serve::page::Html(format!($format $(, $crate::serve::page::Shown(&$value))*))
    };
}

/// Something on a page, as [`html!`](crate::html) wraps it.
pub(crate) struct Shown<'v, T: Show + ?Sized>(pub(crate) &'v T);

/// How something is written on a page.
pub(crate) trait Show {
    /// Writes it, escaped unless it is HTML.
    fn show(&self, f: &mut Formatter<'_>) -> Result;
}

impl<T: Show + ?Sized> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.show(f)
    }
}

impl Show for Html {
    fn show(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.0)
    }
}

impl Show for str {
    fn show(&self, f: &mut Formatter<'_>) -> Result {
        for c in self.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Marks that turn the direction of the line around could make a page read as something else.
                '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => f.write_str("\u{FFFD}")?,
                _ => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

impl Show for String {
    fn show(&self, f: &mut Formatter<'_>) -> Result {
        self.as_str().show(f)
    }
}

impl<T: Show + ?Sized> Show for &T {
    fn show(&self, f: &mut Formatter<'_>) -> Result {
        (**self).show(f)
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self, f: &mut Formatter<'_>) -> Result {
        self.as_ref().map_or(Ok(()), |value| value.show(f))
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self, f: &mut Formatter<'_>) -> Result {
        self.iter().try_for_each(|value| value.show(f))
    }
}

macro_rules! shown_as_text {
    ($($kind:ty),*) => {$(
        impl Show for $kind {
            fn show(&self, f: &mut Formatter<'_>) -> Result {
                self.to_string().as_str().show(f)
            }
        }
    )*};
}
shown_as_text!(usize, u8, u32, u64, i64, f32, f64);

/// A whole page.
pub(crate) struct Page {
    /// What stands in the window's title and above the page.
    pub(crate) title: String,
    /// Links to other pages: where, and what they are called.
    pub(crate) links: Vec<(&'static str, String)>,
    /// Who is reading, where somebody is.
    pub(crate) reader: Option<String>,
    /// What is on it.
    pub(crate) body: Html,
    /// Whether it shows by itself what has happened since.
    pub(crate) is_watching: bool,
}

impl Page {
    /// A page with nothing but its title and what is on it.
    pub(crate) fn new(title: &str, body: Html) -> Page {
        Page { title: title.to_owned(), links: Vec::new(), reader: None, body, is_watching: false }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let link = |(to, name): &(&str, String)| html!("<li><a href=\"{}\">{}</a></li>", *to, name);
        let links: Vec<Html> = self.links.iter().map(link).collect();
        let reader = self.reader.map(|name| {
            html!(
                "<form method=\"post\" action=\"/sign-out\"><span>{}</span> <button class=\"quiet\">{}</button></form>",
                name,
                say!("frame.sign_out")
            )
        });
        let watching = self.is_watching.then(|| html!(" data-watching"));
        let page = html!(
            "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{} · streamward</title>\
             <link rel=\"stylesheet\" href=\"/page.css\"><script src=\"/page.js\" defer></script></head>\
             <body><a class=\"skip\" href=\"#main\">{}</a>\
             <header><p class=\"name\"><a href=\"/\">streamward</a></p><nav aria-label=\"{}\"><ul>{}</ul></nav>{}</header>\
             <main id=\"main\" tabindex=\"-1\"{}><h1>{}</h1>{}</main></body></html>\n",
            messages::language(),
            self.title,
            say!("frame.skip"),
            say!("frame.pages"),
            links,
            reader,
            watching,
            self.title,
            self.body
        );
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.0).into_response()
    }
}

/// A page that says what went wrong, in one sentence, and what to do.
pub(crate) fn sorry(status: StatusCode, what: impl Show, to_do: impl Show) -> Response {
    let first = say!("sorry.first_page");
    let body = html!("<p>{}</p><p>{}</p><p><a href=\"/\">{}</a></p>", what, to_do, first);
    let title = match status {
        StatusCode::NOT_FOUND => say!("sorry.no_page"),
        StatusCode::FORBIDDEN => say!("sorry.not_yours"),
        StatusCode::CONFLICT => say!("sorry.not_now"),
        _ => say!("sorry.did_not_work"),
    };
    (status, Page::new(&title, body)).into_response()
}

/// The page for an address that leads nowhere.
pub(crate) fn nothing_here() -> Response {
    sorry(StatusCode::NOT_FOUND, say!("sorry.nothing_here"), say!("sorry.go_back"))
}

/// The style of every page.
pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page.css"))
}

/// The script of every page, with what it says in the reader's language; each page works without it.
pub(crate) async fn script() -> impl IntoResponse {
    let says = serde_json::json!({
        "no_passkeys": say!("script.no_passkeys"),
        "did_not_work": say!("script.did_not_work"),
        "moment": say!("script.moment"),
        "shown": say!("script.shown"),
        "covered": say!("script.covered"),
        "covered_because": say!("script.covered_because", why = "{why}"),
        "prove_again": say!("script.prove_again"),
    });
    let script = concat!(include_str!("page.js"), include_str!("reveal.js"));
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], format!("const says = {says};\n{script}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_escaped_and_html_is_not() {
        let attack = "<script>alert('x')</script>\"&\u{202E}";
        let shown = html!("<p title=\"{}\">{}</p>{}", attack, Some(attack), vec![html!("<b>{}</b>", 7usize)]);
        let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\u{FFFD}";
        assert_eq!(shown.0, format!("<p title=\"{escaped}\">{escaped}</p><b>7</b>"));
    }
}
