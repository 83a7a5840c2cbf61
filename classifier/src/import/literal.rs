//! Which value does a bundled JavaScript file export?
//!
//! A bundler put `….exports={…}` or `….exports="…"` into a wrapper of code. Nothing is run: the value after the first
//! such assignment is read as a literal, in the subset that minifiers write.
//!
//! Source: ECMA-262 §12.9 for literals.

/// A value as it is written in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

/// How deep lists and objects may lie in each other.
const DEPTH_MAX: usize = 64;

/// The value that `script` exports.
///
/// # Errors
/// What is wrong, to be read after the file's name.
pub(super) fn exported(script: &str) -> Result<Literal, String> {
    let at = [".exports={", ".exports=\"", ".exports=["]
        .iter()
        .filter_map(|start| {
            // `{exports:{}}` and `module.exports=e()` belong to the wrapper.
            script.match_indices(start).map(|(at, _)| at).find(|at| !script[at + 9..].starts_with("={}"))
        })
        .min()
        .ok_or("exports no literal")?;
    Reader { rest: &script[at + ".exports=".len()..] }.value(0)
}

impl Literal {
    /// Whether this is an object with `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_ok()
    }

    /// The value at `key`.
    pub(super) fn get(&self, key: &str) -> Result<&Literal, String> {
        let Literal::Object(entries) = self else {
            return Err(format!("something that should have {key} is no object"));
        };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value).ok_or_else(|| format!("{key} is missing"))
    }

    /// The text at `key`.
    pub(super) fn text(&self, key: &str) -> Result<&str, String> {
        match self.get(key)? {
            Literal::Text(text) => Ok(text),
            _ => Err(format!("{key} is no text")),
        }
    }

    /// The number at `key`.
    pub(super) fn number(&self, key: &str) -> Result<f64, String> {
        match self.get(key)? {
            Literal::Number(number) => Ok(*number),
            _ => Err(format!("{key} is no number")),
        }
    }

    /// The list at `key`.
    pub(super) fn list(&self, key: &str) -> Result<&[Literal], String> {
        self.get(key)?.items().map_err(|_| format!("{key} is no list"))
    }

    /// The whole numbers in the list at `key`.
    pub(super) fn sizes(&self, key: &str) -> Result<Vec<usize>, String> {
        self.list(key)?.iter().map(Literal::size).collect::<Result<_, _>>().map_err(|error| format!("{key}: {error}"))
    }

    /// This value as a list.
    pub(super) fn items(&self) -> Result<&[Literal], String> {
        match self {
            Literal::List(items) => Ok(items),
            _ => Err("something is no list".to_owned()),
        }
    }

    /// This value as a text.
    pub(super) fn as_text(&self) -> Result<&str, String> {
        match self {
            Literal::Text(text) => Ok(text),
            _ => Err("something is no text".to_owned()),
        }
    }

    /// This value as a size: a whole number from 0 to 2^24, also when it is written as text.
    pub(super) fn size(&self) -> Result<usize, String> {
        let number = match self {
            Literal::Number(number) => *number,
            Literal::Text(text) => text.parse().unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        let is_size = number.fract() == 0.0 && (0.0..=16_777_216.0).contains(&number);
        if is_size { Ok(number as usize) } else { Err("something is no size".to_owned()) }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Literal, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nests more than {DEPTH_MAX} deep"));
        }
        for (word, value) in [
            ("null", Literal::Null),
            ("void 0", Literal::Null),
            ("!0", Literal::Bool(true)),
            ("!1", Literal::Bool(false)),
            ("true", Literal::Bool(true)),
            ("false", Literal::Bool(false)),
        ] {
            if self.takes(word) {
                return Ok(value);
            }
        }
        match self.rest.bytes().next() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"' | b'\'') => self.text().map(Literal::Text),
            Some(_) => self.number(),
            None => Err(cut_off()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Literal, String> {
        self.must("{")?;
        let mut entries = Vec::new();
        while !self.takes("}") {
            let key = match self.rest.bytes().next() {
                Some(b'"' | b'\'') => self.text()?,
                _ => self.word()?,
            };
            self.must(":")?;
            entries.push((key, self.value(depth + 1)?));
            if !self.takes(",") && !self.rest.starts_with('}') {
                return Err(self.unexpected());
            }
        }
        Ok(Literal::Object(entries))
    }

    fn list(&mut self, depth: usize) -> Result<Literal, String> {
        self.must("[")?;
        let mut items = Vec::new();
        while !self.takes("]") {
            items.push(self.value(depth + 1)?);
            if !self.takes(",") && !self.rest.starts_with(']') {
                return Err(self.unexpected());
            }
        }
        Ok(Literal::List(items))
    }

    fn word(&mut self) -> Result<String, String> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'));
        let word = &self.rest[..end.unwrap_or(self.rest.len())];
        if word.is_empty() {
            return Err(self.unexpected());
        }
        self.rest = &self.rest[word.len()..];
        Ok(word.to_owned())
    }

    fn number(&mut self) -> Result<Literal, String> {
        let is_part = |(at, c): (usize, char)| {
            c.is_ascii_digit()
                || c == '.'
                || c == 'e'
                || (matches!(c, '-' | '+') && (at == 0 || self.rest[..at].ends_with('e')))
        };
        let end = self.rest.char_indices().find(|&part| !is_part(part)).map_or(self.rest.len(), |(at, _)| at);
        let number = self.rest[..end].parse().map_err(|_| self.unexpected())?;
        self.rest = &self.rest[end..];
        Ok(Literal::Number(number))
    }

    fn text(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().ok_or_else(cut_off)?;
        self.rest = &self.rest[1..];
        let mut text = String::new();
        loop {
            let plain = self.rest.find([quote, '\\']).ok_or_else(cut_off)?;
            text.push_str(&self.rest[..plain]);
            self.rest = &self.rest[plain..];
            if self.takes("\\") {
                text.push(self.escaped()?);
            } else {
                self.rest = &self.rest[1..];
                return Ok(text);
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        let kind = self.rest.chars().next().ok_or_else(cut_off)?;
        self.rest = &self.rest[kind.len_utf8()..];
        let n_digits = match kind {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            '\\' | '/' | '"' | '\'' => return Ok(kind),
            'x' => 2,
            'u' => 4,
            _ => return Err(format!("has the escape \\{kind}, which is not read here")),
        };
        let digits = self.rest.get(..n_digits).ok_or_else(cut_off)?;
        let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        self.rest = &self.rest[n_digits..];
        code.ok_or_else(|| "has an escape that is no character".to_owned())
    }

    fn takes(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn must(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> String {
        let next: String = self.rest.chars().take(12).collect();
        if next.is_empty() { cut_off() } else { format!("has “{}” where a literal goes on", next.escape_default()) }
    }
}

fn cut_off() -> String {
    "is cut off".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_minifiers_write() {
        let script = r#"!function(e){module.exports=e()}({1:[function(a){a.exports={a:[1,-.5,1e-3,2.5e+3],"b c":!0,c:{},d:null,e:'x"',f:"\"\u0041\n"}},{}]},{},[1])"#;
        let value = exported(script).unwrap();
        assert_eq!(
            value.list("a").unwrap(),
            [Literal::Number(1.0), Literal::Number(-0.5), Literal::Number(0.001), Literal::Number(2500.0)]
        );
        assert_eq!(value.get("b c"), Ok(&Literal::Bool(true)));
        assert_eq!(value.get("c"), Ok(&Literal::Object(vec![])));
        assert_eq!((value.text("e"), value.text("f")), (Ok("x\""), Ok("\"A\n")));
        assert_eq!(exported("x.exports=\"QUJD\"},{}"), Ok(Literal::Text("QUJD".into())));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for script in ["", "x.exports=f()", "x.exports={a:f()}", "x.exports={a:1", "x.exports=\"abc", "x.exports=[1 2]"]
        {
            assert!(exported(script).is_err(), "{script}");
        }
        let deep = format!("x.exports={}", "[".repeat(100_000));
        assert!(exported(&deep).unwrap_err().contains("deep"));
    }

    #[test]
    fn sizes_are_whole_and_bounded() {
        for (literal, expected) in [(Literal::Number(3.0), Some(3)), (Literal::Text("224".into()), Some(224))] {
            assert_eq!(literal.size().ok(), expected);
        }
        for number in [-1.0, 0.5, f64::NAN, 1e30] {
            assert!(Literal::Number(number).size().is_err(), "{number}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"'\\\\!.a-zé0-9+-]{0,60}") {
            let _ = exported(&format!("x.exports={{{text}"));
            let _ = exported(&format!("x.exports=\"{text}"));
        }
    }
}
