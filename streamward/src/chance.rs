//! Where does chance come from that is fit for keys, codes and identifiers?

use ring::rand::{SecureRandom, SystemRandom};

/// `N` bytes from the operating system.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives chance once it runs");
    bytes
}

/// A code that a person can type: `n_groups` groups of four letters and digits, 19 bits each, none of them alike.
pub(crate) fn code(n_groups: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
    let letter = || char::from(LETTERS[usize::from(bytes::<1>()[0] & 31)]);
    let groups: Vec<String> = (0..n_groups).map(|_| (0..4).map(|_| letter()).collect()).collect();
    groups.join("-")
}

/// A token for programs: 32 bytes in hexadecimal.
pub(crate) fn token() -> String {
    bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}
