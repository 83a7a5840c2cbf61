//! How do features travel?
//!
//! As numbers of a few bits each: most counts are small, so the forty-odd of a transfer take some sixty bytes instead of
//! two hundred, and each part of the reckoning adds its own at the end.

use payments::Features;
use payments::features::{BeneficiaryFeatures, PairFeatures, PeerFeatures, SenderFeatures};

/// Something that can be written as numbers, one after the other.
pub trait Packed: Sized {
    /// Adds it to `out`.
    fn pack(&self, out: &mut Vec<u8>);

    /// Takes it off the front of `bytes`; none where they are something else.
    fn unpack(bytes: &mut &[u8]) -> Option<Self>;
}

/// Unsigned numbers: seven bits a byte, the low ones first, the eighth says that more follow (LEB128).
impl Packed for u64 {
    #[inline]
    fn pack(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    #[inline]
    fn unpack(bytes: &mut &[u8]) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let (&first, rest) = bytes.split_first()?;
            *bytes = rest;
            value |= u64::from(first & 0x7f).checked_shl(7 * place)?;
            if first < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl Packed for u32 {
    #[inline]
    fn pack(&self, out: &mut Vec<u8>) {
        u64::from(*self).pack(out);
    }

    #[inline]
    fn unpack(bytes: &mut &[u8]) -> Option<u32> {
        u64::unpack(bytes)?.try_into().ok()
    }
}

/// Signed numbers: the sign last, so that small negative ones are short too.
impl Packed for i64 {
    #[inline]
    fn pack(&self, out: &mut Vec<u8>) {
        ((self << 1) ^ (self >> 63)).cast_unsigned().pack(out);
    }

    #[inline]
    fn unpack(bytes: &mut &[u8]) -> Option<i64> {
        let value = u64::unpack(bytes)?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

/// Every field by name, so that one that is added cannot be forgotten here.
macro_rules! packed {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl Packed for $name {
            fn pack(&self, out: &mut Vec<u8>) {
                let $name { $($field),* } = self;
                $($field.pack(out);)*
            }

            fn unpack(bytes: &mut &[u8]) -> Option<$name> {
                Some($name { $($field: Packed::unpack(bytes)?),* })
            }
        }
    };
}

packed!(BeneficiaryFeatures {
    n_transfers,
    n_senders,
    n_unrelated,
    n_unrelated_frequent,
    n_once,
    n_countries,
    n_small,
    n_hour_known,
    n_night,
    n_burst,
    sum_minor,
});

packed!(SenderFeatures {
    n_transfers,
    n_beneficiaries,
    n_unrelated,
    n_unrelated_frequent,
    n_obscure,
    n_exclusive,
    n_undeclared,
    n_undeclared_small,
    n_undeclared_hour_known,
    n_undeclared_night,
    n_small,
    n_round,
    n_hour_known,
    n_night,
    n_recent,
    n_to_this,
    n_from_this,
    n_travel,
    sum_minor,
    recent_sum_minor,
    median_minor,
    spread_s,
});

packed!(PairFeatures {
    n_transfers,
    n_verified,
    n_service,
    age_s,
    spread_s,
    gap_variation_percent,
    first_minor,
    latest_minor,
});

packed!(PeerFeatures { n_peers, n_below });

/// In the order in which they become known.
impl Packed for Features {
    fn pack(&self, out: &mut Vec<u8>) {
        let Features { sender, pair, beneficiary, peers } = self;
        beneficiary.pack(out);
        sender.pack(out);
        pair.pack(out);
        peers.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Features> {
        let beneficiary = Packed::unpack(bytes)?;
        let (sender, pair, peers) = (Packed::unpack(bytes)?, Packed::unpack(bytes)?, Packed::unpack(bytes)?);
        Some(Features { sender, pair, beneficiary, peers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_back() {
        for value in [0, 1, -1, 63, 64, -64, -65, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            value.pack(&mut bytes);
            assert_eq!(i64::unpack(&mut &bytes[..]), Some(value));
            value.cast_unsigned().pack(&mut bytes);
            let mut rest = &bytes[..];
            assert_eq!((i64::unpack(&mut rest), u64::unpack(&mut rest)), (Some(value), Some(value.cast_unsigned())));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_cut_short_or_too_large_is_nothing() {
        assert_eq!(u32::unpack(&mut &[0x80_u8][..]), None);
        assert_eq!(u64::unpack(&mut &[0xff_u8; 11][..]), None);
        let mut bytes = Vec::new();
        u64::MAX.pack(&mut bytes);
        assert_eq!(u32::unpack(&mut &bytes[..]), None);
    }

    #[test]
    fn features_read_back() {
        let mut features = Features::default();
        features.beneficiary.n_burst = 7;
        features.sender.n_from_this = 300;
        features.sender.spread_s = -5;
        features.pair.latest_minor = 1 << 40;
        features.peers.n_below = u32::MAX;
        let mut bytes = Vec::new();
        features.pack(&mut bytes);
        assert!(bytes.len() < 64, "{}", bytes.len());
        let mut rest = &bytes[..];
        assert_eq!(Features::unpack(&mut rest), Some(features));
        assert!(rest.is_empty());
    }
}
