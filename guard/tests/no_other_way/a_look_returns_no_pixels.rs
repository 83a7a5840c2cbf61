fn main() {
    let held = guard::Held::new(vec![1u8, 2, 3]);
    let _pixels: Vec<u8> = held.look(|frame| frame.clone());
}
