fn main() {
    let held = guard::Held::new(vec![1u8, 2, 3]);
    let _released = guard::Released(std::sync::Arc::new(vec![1u8]));
    let _also = held.release();
}
