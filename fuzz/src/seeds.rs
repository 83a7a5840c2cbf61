//! Which inputs does each parser read well?
//!
//! Short, and with one of everything: mutations then reach every branch.

use std::io::Cursor;

use known::list::Signatures;
use known::{Hash256, Index, List};
use record::Signer;

fn pdq(byte: u8) -> String {
    Hash256([byte; 32]).to_string()
}

fn md5() -> String {
    "d8f0".repeat(8)
}

pub(crate) fn list_text() -> String {
    format!(
        "streamward list 1\nname: Test\nversion: 2\nsource: us\ncreated: 2026-11-24\n# a line\n\
         {}\tpdq\ta\tus\t2026-11-24\t-\t-\n{}\tvpdq\tv\tus\t2026-11-24T01:02:03Z\tncmec\t7\n{}\tvpdq\tv\tus\t2026-11-24\t-\t-\n\
         {}\tmd5\tm\tus\t2026-11-24\t-\t-\n{}\tphotodna\tp\tus\t2026-11-24\t-\t-\n",
        pdq(1),
        pdq(2),
        pdq(3),
        md5(),
        "0b".repeat(144),
    )
}

pub(crate) fn list() -> Vec<Vec<u8>> {
    vec![list_text().into_bytes(), List::test_card().to_string().into_bytes()]
}

fn signed() -> Signatures {
    let (list, sha256) = List::read_with_digest(list_text().as_bytes()).expect("it is a list");
    let mut signatures = Signatures::begin(&list.header(), sha256, None).expect("a first version");
    for byte in [1, 2] {
        signatures.sign(&Signer::new("ada", &[byte; 32]).expect("a name"));
    }
    signatures
}

pub(crate) fn signatures() -> Vec<Vec<u8>> {
    vec![signed().to_string().into_bytes()]
}

pub(crate) fn delta() -> Vec<Vec<u8>> {
    let old = list_text();
    let new = old.replace("version: 2", "version: 3").replace("# a line\n", "");
    vec![known::list::delta(&old, &new).expect("both end with a line feed").into_bytes()]
}

pub(crate) fn memory() -> Vec<Vec<u8>> {
    vec![b"2 1 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= Test list\n".to_vec()]
}

pub(crate) fn ncmec() -> Vec<Vec<u8>> {
    let page = format!(
        r#"<?xml version="1.0"?><queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
<images count="2" maxTimestamp="2026-11-24T09:30:00Z"><image><member id="42">A &amp; B</member>
<timestamp>2026-11-23T00:00:00Z</timestamp><id>i1</id><classification>A1</classification>
<fingerprints><md5>{}</md5><pdq>{}</pdq><pdna>x</pdna><videntifier rel="v" href="/v"/></fingerprints>
<feedback><affirmativeFeedback type="MD5"><members><member id="43">C</member></members></affirmativeFeedback></feedback></image>
<deletedImage><member id="42">A</member><timestamp>2026-11-23T00:00:00Z</timestamp><id>i4</id></deletedImage></images>
<paging><next>/v2/entries?from=1&amp;start=2001</next></paging></queryResult>"#,
        md5(),
        pdq(1)
    );
    vec![page.into_bytes()]
}

pub(crate) fn threatexchange() -> Vec<Vec<u8>> {
    let page = format!(
        r#"{{"data":[{{"id":"7","indicator":"{}","type":"HASH_PDQ","last_updated":1795479059,"should_delete":false,"descriptors":{{}}}},
{{"id":8,"should_delete":true}}],"paging":{{"next":"https://exchange.example/2"}}}}"#,
        pdq(1)
    );
    vec![page.into_bytes()]
}

pub(crate) fn stopncii() -> Vec<Vec<u8>> {
    let page = format!(
        r#"{{"count":1,"nextPageToken":"t","nextSetTimestamp":1795479059,"hasMoreRecords":true,"hashRecords":[
{{"lastModtimestamp":5,"signalType":"ImagePDQ","hashValue":"{}","hashStatus":"Active","caseNumbers":{{"1":"Active"}}}}]}}"#,
        pdq(1)
    );
    vec![page.into_bytes()]
}

pub(crate) fn tat() -> Vec<Vec<u8>> {
    let page = format!(
        r#"{{"count":1,"next":null,"results":[{{"hash_digest":"{}","algorithm":"MD5","ideology":"all","file_type":"mp4",
"deleted":false,"updated_on":1704901040.22,"created_on":"2025","id":2819}}]}}"#,
        md5()
    );
    vec![page.into_bytes()]
}

pub(crate) fn vics() -> Vec<Vec<u8>> {
    let file = format!(
        r#"{{"@odata.context":"x","value":[{{"MediaID":3,"Category":1,"MD5":"{}","SHA1":"","DateUpdated":"2026-11-24T00:00:00Z"}}]}}"#,
        md5()
    );
    vec![file.into_bytes()]
}

pub(crate) fn csv() -> Vec<Vec<u8>> {
    vec![format!("id,pdq,md5\na,{},\nb,,{}\n", pdq(1), md5()).into_bytes()]
}

pub(crate) fn journal() -> Vec<Vec<u8>> {
    let entry = format!(r#"{{"id":"a","member":"42","class":"A1","changed_at":5,"hashes":[["pdq","{}"]]}}"#, pdq(1));
    let lines = format!(
        "{{\"entries\":[{entry}]}}\n{{\"checkpoint\":7}}\n{{\"begin\":{{\"from\":7,\"to\":9,\"at\":9}}}}\n\
         {{\"page\":{{\"updates\":[{{\"id\":\"b\",\"deleted\":true}}],\"next\":\"n\",\"up_to\":8}}}}\n\
         {{\"page\":{{\"updates\":[{entry}],\"next\":null,\"up_to\":null}}}}\n"
    );
    vec![lines.into_bytes()]
}

pub(crate) fn vpdq_text() -> Vec<Vec<u8>> {
    vec![format!("0,100,{},0.000\n2,49,{},0.067\n", pdq(1), pdq(2)).into_bytes()]
}

pub(crate) fn vpdq_json() -> Vec<Vec<u8>> {
    let (newer, older) = (
        format!("[\"{},77,1.5\", \"{},0,2\"]", pdq(1), pdq(2)),
        format!("{{\"0\": {{\"quality\": 77, \"hash\": \"{}\", \"timestamp\": 1.5}}}}", pdq(1)),
    );
    vec![newer.into_bytes(), older.into_bytes()]
}

pub(crate) fn snapshot() -> Vec<Vec<u8>> {
    let index =
        |n: u16| Index::build((0..n).map(|i| Hash256(std::array::from_fn(|k| (i >> (k % 9)) as u8)))).expect("few");
    [0, 3, 200].map(|n| index(n).snapshot().expect("nothing is pending").to_vec()).into()
}

pub(crate) fn note() -> Vec<Vec<u8>> {
    let signer = Signer::new("ada", &[1; 32]).expect("a name");
    let mut note =
        record::Note::new("a log\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".into()).expect("a text");
    note.sign(&signer);
    vec![note.to_string().into_bytes(), signer.key().to_string().into_bytes(), signer.to_secret_text().into_bytes()]
}

pub(crate) fn policy() -> Vec<Vec<u8>> {
    guard::Policy::SHIPPED.iter().map(|(_, text)| text.as_bytes().to_vec()).collect()
}

pub(crate) fn picture() -> Vec<Vec<u8>> {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};

    let image = image::RgbImage::from_fn(40, 31, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8]));
    let encode = |format| {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).ok().map(|()| bytes.into_inner())
    };
    [Bmp, Gif, Jpeg, Png, Tiff, WebP].into_iter().filter_map(encode).collect()
}
