//! How is a document with numbered elements written?
//!
//! Some forms number every element and count them in the root, so the whole is built first and written last.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// One element.
#[derive(Clone)]
pub(crate) struct Node {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Text(String),
    Nodes(Vec<Node>),
}

impl Node {
    /// An element that holds others.
    pub(crate) fn new(name: &'static str) -> Node {
        Node { name, attributes: Vec::new(), content: Content::Nodes(Vec::new()) }
    }

    /// An element that holds text.
    pub(crate) fn text(name: &'static str, text: &str) -> Node {
        Node { name, attributes: Vec::new(), content: Content::Text(text.to_owned()) }
    }

    /// The same with one more element at its end.
    pub(crate) fn with(mut self, node: Node) -> Node {
        if let Content::Nodes(nodes) = &mut self.content {
            nodes.push(node);
        }
        self
    }

    /// The same with more elements at its end.
    pub(crate) fn with_all(self, nodes: impl IntoIterator<Item = Node>) -> Node {
        nodes.into_iter().fold(self, Node::with)
    }

    /// The same with an element of text, where there is one.
    pub(crate) fn optional(self, name: &'static str, text: Option<&str>) -> Node {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => self.with(Node::text(name, text)),
            None => self,
        }
    }

    /// The same with an attribute.
    pub(crate) fn attribute(mut self, name: &'static str, value: impl ToString) -> Node {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Numbers every element that holds others, this one not, in document order from `next` on.
    pub(crate) fn number(&mut self, attribute: &'static str, next: &mut u64) {
        let Content::Nodes(nodes) = &mut self.content else { return };
        for node in nodes {
            if matches!(node.content, Content::Nodes(_)) {
                node.attributes.push((attribute, next.to_string()));
                *next += 1;
                node.number(attribute, next);
            }
        }
    }

    /// How many elements of this name stand anywhere within.
    pub(crate) fn count(&self, name: &str) -> usize {
        let Content::Nodes(nodes) = &self.content else { return 0 };
        nodes.iter().map(|node| usize::from(node.name == name) + node.count(name)).sum()
    }

    /// The document.
    pub(crate) fn to_xml(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
        let declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        declared.expect("a vector takes every byte");
        self.write(&mut writer);
        let mut text = String::from_utf8(writer.into_inner()).expect("only texts were written");
        text.push('\n');
        text
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) {
        let attributes = self.attributes.iter().map(|(name, value)| (*name, value.as_str()));
        let start = BytesStart::new(self.name).with_attributes(attributes);
        let mut put = |event: Event<'_>| writer.write_event(event).expect("a vector takes every byte");
        put(Event::Start(start));
        match &self.content {
            Content::Text(text) => put(Event::Text(BytesText::new(text))),
            Content::Nodes(nodes) => nodes.iter().for_each(|node| node.write(writer)),
        }
        writer.write_event(Event::End(BytesEnd::new(self.name))).expect("a vector takes every byte");
    }
}
