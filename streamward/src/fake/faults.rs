//! What can go wrong between us and an authority?

/// Something that goes wrong, always or once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What.
    pub(crate) kind: Kind,
    /// At which request, counted from 1; none for every request.
    pub(crate) at: Option<u64>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A page comes instead of an answer, with status 200. Nothing is done.
    Html,
    /// Name and password are refused, with an empty body.
    NotLetIn,
    /// Status 503. Nothing is done.
    Unavailable,
    /// It is done, and no answer ever comes.
    Hang,
    /// The connection breaks, and nothing is done.
    Close,
    /// It is done, and the connection breaks before the answer.
    CloseAfter,
    /// Code 1000, and nothing is done.
    Error,
    /// It is done, and the answer is code 1000.
    ErrorAfter,
    /// It is done, and the digest in the answer to an upload is another's.
    LostHash,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Kind; 9] = [
        Kind::Html,
        Kind::NotLetIn,
        Kind::Unavailable,
        Kind::Hang,
        Kind::Close,
        Kind::CloseAfter,
        Kind::Error,
        Kind::ErrorAfter,
        Kind::LostHash,
    ];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Html => "html",
            Kind::NotLetIn => "401",
            Kind::Unavailable => "503",
            Kind::Hang => "hang",
            Kind::Close => "close",
            Kind::CloseAfter => "close-after",
            Kind::Error => "error",
            Kind::ErrorAfter => "error-after",
            Kind::LostHash => "lost-hash",
        }
    }

    /// Whether what was asked is done all the same.
    pub(crate) fn is_done(self) -> bool {
        match self {
            Kind::Hang | Kind::CloseAfter | Kind::ErrorAfter | Kind::LostHash => true,
            Kind::Html | Kind::NotLetIn | Kind::Unavailable | Kind::Close | Kind::Error => false,
        }
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Fault, String> {
        let (name, at) = match text.split_once('@') {
            Some((name, at)) => {
                (name, Some(at.parse().map_err(|_| format!("\"{at}\" is not the number of a request"))?))
            }
            None => (text, None),
        };
        let names = || Kind::ALL.map(Kind::name).join(", ");
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        Ok(Fault { kind: kind.ok_or_else(|| format!("\"{name}\" is none of {}", names()))?, at })
    }
}
