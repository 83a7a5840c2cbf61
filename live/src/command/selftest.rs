//! `streamward-guard selftest`: does this guard cover the safety test card, here and now?

use std::io::Write;

use guard::{Colour, Format, Policy, Size, test_card};

use crate::Error;
use crate::panel::Hired;

/// Plants the safety test card into a synthetic video and checks that none of it comes out.
#[derive(clap::Args)]
pub(super) struct Arguments {}

const SIZE: Size = Size { width: 640, height: 360 };
const N_FRAMES: usize = 75;
const CARD_AT: [usize; 4] = [20, 21, 22, 60];

pub(super) fn run(_: &Arguments) -> Result<u8, Error> {
    let policy = Policy::shipped("test").expect("this policy is shipped");
    let maker = Hired::new(&policy)?.into_maker();
    let source = video();
    let mut output = Vec::new();
    let report = crate::pipe::run(&mut source.as_slice(), &mut output, &policy, &maker, 1)?;
    let card = test_card::draw_in(Format::I420, Colour::Bt601, SIZE);
    let n_leaked = frames(&output).filter(|frame| *frame == card).count();
    let n_kept = frames(&output).zip(frames(&source)).filter(|(a, b)| a == b).count();
    let is_right = n_leaked == 0 && n_kept + report.covered as usize == N_FRAMES && report.covered == 42;
    let line = format!(
        "frames {N_FRAMES}, judged {}, card planted {}, card leaked {n_leaked}, covered {}, others kept {n_kept}: {}",
        report.judged,
        CARD_AT.len(),
        report.covered,
        if is_right { "the guard works" } else { "THE GUARD DOES NOT WORK" }
    );
    let failed = |source| Error::Write { path: "the standard output".into(), source };
    writeln!(std::io::stdout(), "{line}").map_err(failed)?;
    Ok(if is_right { 0 } else { 3 })
}

fn video() -> Vec<u8> {
    let card = test_card::draw_in(Format::I420, Colour::Bt601, SIZE);
    let mut bytes = b"YUV4MPEG2 W640 H360 F25:1\n".to_vec();
    for n in 0..N_FRAMES {
        bytes.extend(b"FRAME\n");
        match CARD_AT.contains(&n) {
            true => bytes.extend(&card),
            false => bytes.extend((0..card.len()).map(|i| (i / 9 + i / SIZE.width * 2 + n * 3) as u8)),
        }
    }
    bytes
}

/// The pictures of a stream that [`video`] made.
fn frames(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let n_bytes = SIZE.width * SIZE.height * 3 / 2;
    let header = stream.iter().position(|byte| *byte == b'\n').map_or(stream.len(), |end| end + 1);
    stream[header..].chunks(n_bytes + 6).filter_map(|chunk| chunk.get(6..))
}
