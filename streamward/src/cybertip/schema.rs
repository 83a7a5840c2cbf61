//! Does this document follow the authority's schema?
//!
//! The schema is the authority's (`GET /xsd` of the CyberTipline) and is fetched by the operator, never shipped.
//!
//! An empty element whose declaration has a fixed or a default value has that value (XML Schema 1.1 part 1, §3.3.4.3
//! *Element Locally Valid*, clause 5.1). uppsala 0.12 does not give it to it, so the value is written into the document
//! before it is checked.
//!
//! Where libxml2 refuses what uppsala lets pass, we refuse as well: attributes on an element of a simple type, and space
//! around a number, a date or one of a list of words. What leaves here is then valid for both.

use std::path::Path;

use anyhow::{Result, anyhow};
use casework::report::Checked;
use sha2::{Digest, Sha256};
use uppsala::{Document, NodeId, NodeKind, XsdValidator};

const XSD: &str = "http://www.w3.org/2001/XMLSchema";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Built-in types whose values are numbers or moments.
const NARROW: [&str; 20] = [
    "byte",
    "date",
    "dateTime",
    "decimal",
    "double",
    "float",
    "gDay",
    "gMonth",
    "gYear",
    "int",
    "integer",
    "long",
    "negativeInteger",
    "nonNegativeInteger",
    "positiveInteger",
    "short",
    "time",
    "unsignedInt",
    "unsignedLong",
    "unsignedShort",
];
/// How deep elements may be nested; a report has 8 levels.
const DEPTH_MAX: usize = 100;

/// A schema that documents are checked against.
pub(crate) struct Schema {
    text: String,
    declarations: Document<'static>,
    validator: XsdValidator,
}

/// What the declarations say of a document.
#[derive(Default)]
struct Found {
    /// Empty elements, each with the value that it has.
    values: Vec<(NodeId, String)>,
    /// Why the document is refused.
    reasons: Vec<String>,
}

impl Schema {
    /// Reads the schema of a file.
    pub(crate) fn open(path: &Path) -> Result<Schema> {
        let text = super::super::report::text(path)?;
        Schema::parse(text).map_err(|error| {
            anyhow!(
                "{} is not an XSD schema: {error}\n  to do: fetch the schema from the authority again; nothing has been \
                 checked",
                path.display()
            )
        })
    }

    /// Reads a schema.
    pub(crate) fn parse(text: String) -> Result<Schema, String> {
        let declarations = uppsala::parse(&text).map_err(|error| error.to_string())?.into_static();
        let validator = XsdValidator::from_schema(&declarations).map_err(|error| error.to_string())?;
        Ok(Schema { text, declarations, validator })
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its SHA-256.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// Checks a document that is to be sent.
    ///
    /// # Errors
    /// Why it is not valid, one reason each.
    pub(crate) fn check(&self, xml: &str) -> Result<Checked, Vec<String>> {
        let reasons = self.reasons(xml);
        match reasons.is_empty() {
            true => Ok(Checked { document_sha256: Sha256::digest(xml).into(), schema_sha256: self.sha256() }),
            false => Err(reasons),
        }
    }

    /// Why the document is not valid; empty when it is.
    pub(crate) fn reasons(&self, xml: &str) -> Vec<String> {
        // A document type can define entities that grow without end; no report has one.
        if xml.contains("<!DOCTYPE") {
            return vec!["it declares a document type, which no report does".to_owned()];
        }
        let mut document = match uppsala::parse(xml) {
            Ok(document) => document,
            Err(error) => return vec![format!("it is not well-formed XML: {error}")],
        };
        let found = self.look_through(&document);
        for (node, value) in found.values {
            let text = document.create_text(value);
            document.append_child(node, text);
        }
        let own = self.validator.validate(&document).iter().map(ToString::to_string).collect::<Vec<_>>();
        own.into_iter().chain(found.reasons).collect()
    }

    /// What the declarations of the schema say of the document, element by element.
    fn look_through(&self, document: &Document<'_>) -> Found {
        let mut found = Found::default();
        let root = document.document_element().and_then(|root| Some((root, document.element(root)?)));
        if let Some((root, element)) = root
            && let Some(declaration) = self.global("element", &element.name.local_name)
        {
            self.look(document, root, declaration, 0, &mut found);
        }
        found
    }

    fn look(&self, document: &Document<'_>, node: NodeId, declaration: NodeId, depth: usize, found: &mut Found) {
        let constraint =
            ["fixed", "default"].iter().find_map(|name| self.declarations.get_attribute(declaration, name));
        if let Some(value) = constraint.filter(|_| is_empty(document, node)) {
            found.values.push((node, value.to_owned()));
        }
        if depth == DEPTH_MAX {
            return;
        }
        let Some(kind) = self.kind_of(declaration) else {
            found.reasons.extend(self.strict(document, node, declaration));
            return;
        };
        for child in document.children_iter(node) {
            let Some(element) = document.element(child) else { continue };
            if let Some(declaration) = self.declared_in(kind, &element.name.local_name, 0) {
                self.look(document, child, declaration, depth + 1, found);
            }
        }
    }

    /// Why an element of a simple type is refused although uppsala lets it pass.
    fn strict(&self, document: &Document<'_>, node: NodeId, declaration: NodeId) -> Option<String> {
        let element = document.element(node)?;
        let name = &element.name.local_name;
        let is_plain = |prefix: Option<&str>| !matches!(prefix, Some("xmlns" | "xsi" | "xml"));
        let attribute = element
            .attributes
            .iter()
            .find(|attribute| is_plain(attribute.name.prefix.as_deref()) && attribute.name.local_name != "xmlns");
        if let Some(attribute) = attribute {
            return Some(format!("{name} has the attribute {}, which it cannot have", attribute.name.local_name));
        }
        let text = document.text_content_deep(node);
        let is_spaced = text.trim().len() < text.len() && !text.trim().is_empty();
        let own = self.inside(declaration).find(|node| self.is(*node, "simpleType"));
        let is_narrow = match self.declarations.get_attribute(declaration, "type") {
            Some(kind) => self.is_narrow(kind, 0),
            None => own.is_some_and(|node| self.is_narrow_type(node, 0)),
        };
        (is_spaced && is_narrow).then(|| format!("{name} has space around its value"))
    }

    /// Whether the values of a simple type are numbers, moments, or some of a list.
    fn is_narrow(&self, kind: &str, depth: usize) -> bool {
        match self.global("simpleType", local(kind)) {
            Some(node) => self.is_narrow_type(node, depth),
            None => NARROW.contains(&local(kind)),
        }
    }

    fn is_narrow_type(&self, kind: NodeId, depth: usize) -> bool {
        let restriction = self.inside(kind).find(|node| self.is(*node, "restriction"));
        restriction.is_some_and(|restriction| {
            let has_list = self.inside(restriction).any(|node| self.is(node, "enumeration"));
            let base = self.declarations.get_attribute(restriction, "base");
            has_list || depth < DEPTH_MAX && base.is_some_and(|base| self.is_narrow(base, depth + 1))
        })
    }

    /// The complex type of a declared element: named, or written inside of it.
    fn kind_of(&self, declaration: NodeId) -> Option<NodeId> {
        match self.declarations.get_attribute(declaration, "type") {
            Some(name) => self.global("complexType", local(name)),
            None => self.inside(declaration).find(|node| self.is(*node, "complexType")),
        }
    }

    /// The declaration of the element called `name` in a type or a part of one.
    fn declared_in(&self, part: NodeId, name: &str, depth: usize) -> Option<NodeId> {
        if depth == DEPTH_MAX {
            return None;
        }
        self.inside(part).find_map(|node| {
            let attribute = |attribute| self.declarations.get_attribute(node, attribute);
            match self.declarations.element(node)?.name.local_name.as_ref() {
                "element" => match attribute("ref") {
                    Some(referred) if local(referred) == name => self.global("element", name),
                    Some(_) => None,
                    None => (attribute("name") == Some(name)).then_some(node),
                },
                "sequence" | "choice" | "all" | "complexContent" => self.declared_in(node, name, depth + 1),
                "extension" | "restriction" => self.declared_in(node, name, depth + 1).or_else(|| {
                    let base = self.global("complexType", local(attribute("base")?))?;
                    self.declared_in(base, name, depth + 1)
                }),
                "group" => {
                    let group = self.global("group", local(attribute("ref")?))?;
                    self.declared_in(group, name, depth + 1)
                }
                _ => None,
            }
        })
    }

    fn global(&self, kind: &str, name: &str) -> Option<NodeId> {
        let root = self.declarations.document_element()?;
        self.inside(root)
            .find(|node| self.is(*node, kind) && self.declarations.get_attribute(*node, "name") == Some(name))
    }

    fn inside(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.declarations.children_iter(node).filter(|node| self.declarations.element(*node).is_some())
    }

    fn is(&self, node: NodeId, kind: &str) -> bool {
        self.declarations.element(node).is_some_and(|element| element.matches_name_ns(XSD, kind))
    }
}

/// Whether it has neither elements nor characters in it, and does not say that it has no value at all.
fn is_empty(document: &Document<'_>, node: NodeId) -> bool {
    let is_content = |kind: &NodeKind<'_>| match kind {
        NodeKind::Element(_) => true,
        NodeKind::Text(text) => !text.is_empty(),
        // libxml2 takes an empty section for content.
        NodeKind::CData(_) => true,
        NodeKind::Document | NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_) | NodeKind::Attribute(..) => {
            false
        }
    };
    let is_nil = document.get_attribute_ns(node, XSI, "nil").is_some();
    !is_nil && !document.children_iter(node).filter_map(|child| document.node_kind(child)).any(is_content)
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// What has changed between the schema at hand and the authority's own; empty when nothing has.
///
/// Line by line, as many as `n_max`: enough to see whether it concerns us.
pub(crate) fn drift(ours: &str, theirs: &str, n_max: usize) -> Vec<String> {
    if ours == theirs {
        return Vec::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    let count = |lines: &[&str]| {
        let mut counts = std::collections::BTreeMap::<String, i64>::new();
        lines.iter().for_each(|line| *counts.entry(line.trim().to_owned()).or_default() += 1);
        counts
    };
    let (old_counts, new_counts) = (count(&old), count(&new));
    let gone = old.iter().map(|line| line.trim()).filter(|line| new_counts.get(*line) < old_counts.get(*line));
    let come = new.iter().map(|line| line.trim()).filter(|line| old_counts.get(*line) < new_counts.get(*line));
    let mut lines: Vec<String> =
        gone.map(|line| format!("- {line}")).chain(come.map(|line| format!("+ {line}"))).collect();
    if lines.is_empty() {
        lines.push("the lines are the same in another order or with other spaces".to_owned());
    }
    lines.truncate(n_max);
    lines
}
