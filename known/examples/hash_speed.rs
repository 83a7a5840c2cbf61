//! How long does one hash take, in processor time of one thread?
//!
//! `cargo run --release -p streamward-known --example hash_speed -- 512x512 [pixels.rgb]`
//! Prints one JSON object: the best of several rounds for each entry point, fast and plain, the hash,
//! and in how many bits fast and plain differ. Without a file of RGB bytes it makes smooth waves with noise.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock and a file")]

use std::hint::black_box;
use std::time::Instant;

use known::pdq::{self, Hasher, Luma, Pdq, Rgb};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let size = arguments.next().expect("a size like 512x512");
    let (width, height) = size.split_once('x').expect("a size like 512x512");
    let (width, height) = (width.parse().expect("a width"), height.parse().expect("a height"));
    let bytes = match arguments.next() {
        Some(file) => std::fs::read(file).expect("a readable file of RGB bytes"),
        None => waves(width, height),
    };
    measure(&bytes, width, height);
}

fn waves(width: usize, height: usize) -> Vec<u8> {
    let byte = |i: usize| {
        let (x, y) = ((i / 3 % width) as f32 / width as f32, (i / 3 / width) as f32 / height as f32);
        (128.0 + 90.0 * (x * 23.0).sin() * (y * 17.0 + x * 5.0).cos() + (i * 7919 % 31) as f32) as u8
    };
    (0..width * height * 3).map(byte).collect()
}

fn measure(bytes: &[u8], width: usize, height: usize) {
    let rgb = Rgb::new(bytes, width, height, width * 3).expect("as many bytes as the size needs");
    let floats: Vec<f32> = bytes.chunks_exact(3).map(|pixel| f32::from(pixel[0])).collect();
    let floats = Luma::new(&floats, width, height, width).expect("one for each pixel");
    let grey: Vec<u8> = bytes.chunks_exact(3).map(|pixel| pixel[0]).collect();
    let grey = Luma::new(&grey, width, height, width).expect("one for each pixel");
    let mut hasher = Hasher::default();
    let found = hasher.hash_rgb(rgb);
    let differing_bits = found.hash.distance_bits(&pdq::hash_rgb_plain(rgb).hash);
    let rgb_ms = best_ms(|| hasher.hash_rgb(rgb));
    let luma_ms = best_ms(|| hasher.hash_luma(grey));
    let luma_f32_ms = best_ms(|| hasher.hash_luma_f32(floats));
    let cold_ms = best_ms(|| pdq::hash_rgb(rgb));
    let plain_ms = best_ms(|| pdq::hash_rgb_plain(rgb));
    println!(
        "{{\"width\":{width},\"height\":{height},\"rgb_ms\":{rgb_ms:.4},\"luma_ms\":{luma_ms:.4},\
         \"luma_f32_ms\":{luma_f32_ms:.4},\"rgb_new_buffers_ms\":{cold_ms:.4},\"plain_rgb_ms\":{plain_ms:.4},\
         \"differing_bits\":{differing_bits},\"hash\":\"{}\"}}",
        found.hash
    );
}

/// The least of several rounds: on a shared machine the others measure the neighbours.
fn best_ms(mut hash: impl FnMut() -> Pdq) -> f64 {
    let round = |n: usize, hash: &mut dyn FnMut() -> Pdq| {
        let start = Instant::now();
        for _ in 0..n {
            black_box(hash());
        }
        start.elapsed().as_secs_f64() * 1e3 / n as f64
    };
    let n = (20.0 / round(1, &mut hash).max(0.01)).clamp(1.0, 200.0) as usize;
    (0..15).map(|_| round(n, &mut hash)).fold(f64::INFINITY, f64::min)
}
