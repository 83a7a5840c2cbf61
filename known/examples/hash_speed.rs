//! How long does one hash take, in processor time of one thread?
//!
//! `cargo run --release -p streamward-known --example hash_speed -- 512x512 1280x720`, or with `--raw WxH FILE`.
//! Prints one JSON object a size: the best of several rounds, fast and plain, and the bits in which the two differ.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use known::pdq::{self, Hasher, Luma, Pdq, Rgb};

fn main() {
    let sizes: Vec<String> = std::env::args().skip(1).collect();
    for size in &sizes {
        let (width, height) = size.split_once('x').expect("a size like 512x512");
        measure(width.parse().expect("a width"), height.parse().expect("a height"));
    }
}

fn measure(width: usize, height: usize) {
    // Smooth waves with some noise: like a photo, no sum is a round number.
    let bytes: Vec<u8> = (0..width * height * 3)
        .map(|i| {
            let (x, y) = ((i / 3 % width) as f32 / width as f32, (i / 3 / width) as f32 / height as f32);
            (128.0 + 90.0 * (x * 23.0).sin() * (y * 17.0 + x * 5.0).cos() + (i * 7919 % 31) as f32) as u8
        })
        .collect();
    let rgb = Rgb::new(&bytes, width, height, width * 3).expect("the buffer was made for this size");
    let floats: Vec<f32> = bytes.chunks_exact(3).map(|p| f32::from(p[0])).collect();
    let floats = Luma::new(&floats, width, height, width).expect("as above");
    let grey: Vec<u8> = bytes.chunks_exact(3).map(|p| p[0]).collect();
    let grey = Luma::new(&grey, width, height, width).expect("as above");
    let mut hasher = Hasher::default();
    let differing_bits = pdq::hash_rgb(rgb).hash.distance_bits(&pdq::hash_rgb_plain(rgb).hash);
    let rgb_ms = best_ms(|| hasher.hash_rgb(rgb));
    let luma_ms = best_ms(|| hasher.hash_luma(grey));
    let luma_f32_ms = best_ms(|| hasher.hash_luma_f32(floats));
    let cold_ms = best_ms(|| pdq::hash_rgb(rgb));
    let plain_ms = best_ms(|| pdq::hash_rgb_plain(rgb));
    println!(
        "{{\"width\":{width},\"height\":{height},\"rgb_ms\":{rgb_ms:.4},\"luma_ms\":{luma_ms:.4},\
         \"luma_f32_ms\":{luma_f32_ms:.4},\"rgb_new_buffers_ms\":{cold_ms:.4},\"plain_rgb_ms\":{plain_ms:.4},\
         \"differing_bits\":{differing_bits}}}"
    );
}

fn best_ms(mut hash: impl FnMut() -> Pdq) -> f64 {
    let round = |n: usize, hash: &mut dyn FnMut() -> Pdq| {
        let start = Instant::now();
        for _ in 0..n {
            black_box(hash());
        }
        start.elapsed().as_secs_f64() * 1e3 / n as f64
    };
    let n = (20.0 / round(1, &mut hash).max(0.01)).clamp(1.0, 200.0) as usize;
    (0..9).map(|_| round(n, &mut hash)).fold(f64::INFINITY, f64::min)
}
