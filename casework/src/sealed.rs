//! How does nothing about a person end up in a log?

use serde::{Deserialize, Deserializer, Serializer};

/// Something from a picture, a person or an account. It prints `[sealed]`, whatever prints it.
///
/// It has no `Serialize` of its own: a field that is to be stored says so with `#[serde(with = "casework::sealed::kept")]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sealed<T>(T);

impl<T> Sealed<T> {
    /// Seals `inner`.
    pub fn new(inner: T) -> Sealed<T> {
        Sealed(inner)
    }

    /// What is inside, for the store, the page of somebody entitled to it, or the authority.
    pub fn open(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sealed]")
    }
}

impl<T> std::fmt::Display for Sealed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sealed]")
    }
}

/// Stores what is inside of an optional sealed text.
pub mod kept {
    use super::*;

    /// Writes the text as it is.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(sealed: &Option<Sealed<String>>, to: S) -> Result<S::Ok, S::Error> {
        match sealed {
            Some(sealed) => to.serialize_some(sealed.open()),
            None => to.serialize_none(),
        }
    }

    /// Reads a text and seals it.
    ///
    /// # Errors
    /// The deserializer's own.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Sealed<String>>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Sealed::new))
    }
}

/// Stores what is inside of a sealed text.
pub mod text {
    use super::*;

    /// Writes the text as it is.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(sealed: &Sealed<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(sealed.open())
    }

    /// Reads a text and seals it.
    ///
    /// # Errors
    /// The deserializer's own.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sealed<String>, D::Error> {
        String::deserialize(from).map(Sealed::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_is_printed_in_any_way() {
        let sealed = Some(Sealed::new("an account".to_owned()));
        assert_eq!(format!("{sealed:?} {sealed:#?}"), "Some([sealed]) Some(\n    [sealed],\n)");
        assert_eq!(format!("{}", Sealed::new(7)), "[sealed]");
    }
}
