//! How far does PDQ move when a picture is changed as people change pictures every day?
//!
//! `cargo run --release -p streamward-known --example robustness -- FOLDER > docs/robustness.md`
//! FOLDER holds `raw-vectors.csv` and the pictures it names, bare RGB bytes. Each picture is changed, the change is
//! decoded where it is a JPEG, both are hashed as files are, and the distances are counted.
#![allow(clippy::disallowed_methods, reason = "a measurement reads its pictures")]

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use known::pdq::{self, DISTANCE_BITS_MAX, Luma, Pdq, QUALITY_MIN};

type Change = fn(&RgbImage) -> RgbImage;

const CHANGES: [(&str, Change); 20] = [
    ("JPEG, quality 90", |image| jpeg(image, 90)),
    ("JPEG, quality 50", |image| jpeg(image, 50)),
    ("JPEG, quality 20", |image| jpeg(image, 20)),
    ("half size", |image| scaled(image, image.width() / 2, image.height() / 2)),
    ("128 pixels wide", |image| scaled(image, 128, (image.height() * 128 / image.width()).max(16))),
    ("made square", |image| scaled(image, image.width().min(image.height()), image.width().min(image.height()))),
    ("blurred, sigma 2", |image| imageops::blur(image, 2.0)),
    ("blurred, sigma 6", |image| imageops::blur(image, 6.0)),
    ("brighter by a fifth", |image| each(image, |c| c * 1.2)),
    ("darker by 30 %", |image| each(image, |c| c * 0.7)),
    ("contrast up by 30 %", |image| each(image, |c| (c - 128.0) * 1.3 + 128.0)),
    ("grey", |image| image::DynamicImage::ImageLuma8(imageops::grayscale(image)).into_rgb8()),
    ("logo on a tenth of the width", |image| logo(image, 10)),
    ("logo on a fifth of the width", |image| logo(image, 5)),
    ("1 % cropped on each side", |image| cropped(image, 1)),
    ("2 % cropped on each side", |image| cropped(image, 2)),
    ("5 % cropped on each side", |image| cropped(image, 5)),
    ("bars of 5 % above and below", |image| boxed(image, 5)),
    ("bars of 12 % above and below", |image| boxed(image, 12)),
    ("mirrored", imageops::flip_horizontal),
];

fn main() {
    let folder = std::env::args().nth(1).expect("a folder with raw-vectors.csv");
    let folder = Path::new(&folder);
    let pictures = pictures(folder);
    println!("# How far PDQ moves under everyday changes\n");
    println!("Made by `script/bench.d/known.py robustness`; do not edit.");
    println!(
        "{} pictures of the reference vectors whose quality is at least {QUALITY_MIN}: photographs that come with \
         scikit-image and scikit-learn, a bridge, and drawn ones. That is few: it shows which changes PDQ is made for, not rates.\n",
        pictures.len()
    );
    println!(
        "Matched means at most {DISTANCE_BITS_MAX} bits apart. *Without bars* is what `match`, `scan` and the service look \
         up too: the picture inside flat bars.\n"
    );
    println!("| change | median | largest | matched | matched without bars |\n|---|---|---|---|---|");
    for (name, change) in CHANGES {
        let mut distances = Vec::new();
        let mut n_trimmed = 0;
        for (picture, original) in &pictures {
            let changed = change(picture);
            let distance = hash(&changed).hash.distance_bits(&original.hash);
            let is_trimmed =
                trimmed(&changed).is_some_and(|pdq| pdq.hash.distance_bits(&original.hash) <= DISTANCE_BITS_MAX);
            n_trimmed += usize::from(is_trimmed || distance <= DISTANCE_BITS_MAX);
            distances.push(distance);
        }
        distances.sort_unstable();
        let (n, n_matched) = (distances.len(), distances.iter().filter(|d| **d <= DISTANCE_BITS_MAX).count());
        let largest = distances.last().copied().unwrap_or_default();
        println!("| {name} | {} | {largest} | {n_matched} of {n} | {n_trimmed} of {n} |", distances[n / 2]);
    }
    println!(
        "\nA crop of a few percent, a mirror image and a large logo are not matched: lists need an entry of their own for these."
    );
}

fn pictures(folder: &Path) -> Vec<(RgbImage, Pdq)> {
    let table = std::fs::read_to_string(folder.join("raw-vectors.csv")).expect("a table of pictures");
    let rows = table.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let (width, height) = (fields[1].parse().expect("a width"), fields[2].parse().expect("a height"));
        RgbImage::from_raw(width, height, std::fs::read(folder.join(fields[0])).expect("a picture"))
            .expect("three bytes a pixel")
    });
    let hashed = rows.map(|picture| (hash(&picture), picture));
    hashed
        .filter(|(pdq, picture)| pdq.quality >= QUALITY_MIN && picture.width() >= 128)
        .map(|(pdq, picture)| (picture, pdq))
        .collect()
}

fn hash(image: &RgbImage) -> Pdq {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let full = pdq::Rgb::new(image.as_raw(), width, height, width * 3).expect("three bytes a pixel");
    pdq::hash_rgb(pdq::shrink_rgb(full).as_rgb())
}

fn trimmed(image: &RgbImage) -> Option<Pdq> {
    let grey = imageops::grayscale(image);
    let luma = Luma::new(grey.as_raw(), grey.width() as usize, grey.height() as usize, grey.width() as usize)
        .expect("a byte a pixel");
    let rect = pdq::trim(luma);
    let is_whole = (rect.width, rect.height) == (luma.width(), luma.height());
    let part =
        || imageops::crop_imm(image, rect.x as u32, rect.y as u32, rect.width as u32, rect.height as u32).to_image();
    (!is_whole).then(|| hash(&part()))
}

fn jpeg(image: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).expect("it goes into memory");
    image::ImageReader::with_format(Cursor::new(bytes), image::ImageFormat::Jpeg)
        .decode()
        .expect("it was just written")
        .into_rgb8()
}

fn scaled(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    imageops::resize(image, width, height, FilterType::Triangle)
}

fn each(image: &RgbImage, change: fn(f32) -> f32) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        Rgb(image.get_pixel(x, y).0.map(|c| change(f32::from(c)).round() as u8))
    })
}

/// A striped square in the corner.
fn logo(image: &RgbImage, part: u32) -> RgbImage {
    let (mut image, side) = (image.clone(), image.width() / part);
    let height = side.min(image.height());
    for (x, y) in (0..side).flat_map(|x| (0..height).map(move |y| (x, y))) {
        let shade = if (x + y) * 8 / side.max(1) % 2 == 0 { 250 } else { 20 };
        image.put_pixel(x, y, Rgb([shade; 3]));
    }
    image
}

fn cropped(image: &RgbImage, percent: u32) -> RgbImage {
    let (dx, dy) = (image.width() * percent / 100, image.height() * percent / 100);
    imageops::crop_imm(image, dx, dy, image.width() - 2 * dx, image.height() - 2 * dy).to_image()
}

fn boxed(image: &RgbImage, percent: u32) -> RgbImage {
    let bar = (image.height() * percent / 100).max(1);
    let mut whole = RgbImage::new(image.width(), image.height() + 2 * bar);
    imageops::replace(&mut whole, image, 0, i64::from(bar));
    whole
}
