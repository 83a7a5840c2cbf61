//! Which entry of which list is a file nearest to?

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use known::vpdq::{self, Feature, Overlap, Video, Videos};
use known::{Digester, Entry, Fingerprint, Hash256, Index, Kind, List};

use super::Rule;
use crate::hash::{self, PICTURE_BYTES_MAX};
use crate::picture::{Picture, Refused, hashes_to_look_up};
use crate::video::{self, Frames};

/// Lists, ready to be asked.
pub(crate) struct Lists {
    lists: Vec<List>,
    /// The pictures and video frames of all lists.
    index: Index,
    /// For each number of the index: which list, which entry.
    owners: Vec<(u32, u32)>,
    /// The videos of all lists.
    videos: Videos,
    /// For each of them: which list, and its first entry.
    video_owners: Vec<(u32, u32)>,
    digests: HashMap<Fingerprint, (u32, u32)>,
}

/// What the lists say about one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Match {
        list: String,
        id: String,
        kind: String,
        distance_bits: u32,
    },
    /// A frame of the video is a picture of a list: the nearest of them, and how many there are.
    Frame {
        list: String,
        id: String,
        distance_bits: u32,
        frame: u32,
        timestamp_ms: u64,
        n_frames: usize,
    },
    /// The video and a video of a list have enough frames in common.
    Video {
        list: String,
        id: String,
        query_percent: f64,
        compared_percent: f64,
    },
    Nothing,
    /// Nothing matches in what could be compared, which was not all.
    InPart {
        why: String,
    },
}

impl Verdict {
    pub(crate) fn is_match(&self) -> bool {
        match self {
            Verdict::Match { .. } | Verdict::Frame { .. } | Verdict::Video { .. } => true,
            Verdict::Nothing | Verdict::InPart { .. } => false,
        }
    }

    fn digests_only(why: impl std::fmt::Display) -> Verdict {
        Verdict::InPart { why: format!("compared by its digests only, since {why}") }
    }
}

impl Lists {
    /// Reads every list, or none.
    pub(crate) fn load(rule: &Rule) -> Result<Lists> {
        let lists = rule.lists.iter().map(|file| rule.trust.load(file)).collect::<Result<Vec<List>>>()?;
        let (mut hashes, mut owners, mut digests) = (Vec::new(), Vec::new(), HashMap::new());
        let mut videos: BTreeMap<(u32, &str), (u32, Vec<Hash256>)> = BTreeMap::new();
        for (i, list) in (0..).zip(&lists) {
            for (k, entry) in (0..).zip(list.entries()) {
                match &entry.fingerprint {
                    Fingerprint::Pdq(hash) | Fingerprint::Vpdq(hash) => {
                        hashes.push(*hash);
                        owners.push((i, k));
                        if entry.fingerprint.kind() == Kind::Vpdq {
                            videos.entry((i, &*entry.id)).or_insert((k, Vec::new())).1.push(*hash);
                        }
                    }
                    Fingerprint::Md5(_) | Fingerprint::Sha1(_) | Fingerprint::Sha256(_) => {
                        digests.entry(entry.fingerprint.clone()).or_insert((i, k));
                    }
                    // Compared only with values that a list brings; we make none from files.
                    Fingerprint::PhotoDna(_) => {}
                }
            }
        }
        let video_owners = videos.iter().map(|((list, _), (first, _))| (*list, *first)).collect();
        let videos: Vec<Video> = videos.into_values().map(|(_, hashes)| Video::of_hashes(hashes)).collect();
        let index = Index::build(hashes.into_iter())?;
        Ok(Lists { index, owners, videos: Videos::build(&videos)?, video_owners, digests, lists })
    }

    /// Whether a rule for videos is needed before a folder with videos in it can be compared.
    pub(crate) fn has_videos(&self) -> bool {
        !self.videos.is_empty()
    }

    /// Compares one file: by its digests, by PDQ when it is a picture, frame by frame when it is a video.
    pub(crate) fn verdict(&self, file: &Path, rule: &Rule) -> Result<Verdict> {
        if video::is_video(&head(file)?) {
            return match self.of_digests(&hash::digests(file)?.fingerprints()) {
                Some(verdict) => Ok(verdict),
                None => self.of_frames(file, &video::frames(file, rule.every)?, rule),
            };
        }
        if std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > PICTURE_BYTES_MAX) {
            let of_file = self.of_digests(&hash::digests(file)?.fingerprints());
            return Ok(of_file.unwrap_or_else(|| Verdict::digests_only("it is larger than 512 MiB")));
        }
        let bytes = hash::read(file)?;
        let mut digester = Digester::default();
        digester.update(&bytes);
        if let Some(verdict) = self.of_digests(&digester.finish().fingerprints()) {
            return Ok(verdict);
        }
        match Picture::decode(&bytes) {
            Ok(picture) => Ok(self.of_picture(&picture, rule)),
            Err(Refused::NotAPicture) => Ok(Verdict::Nothing),
            Err(refused) => bail!(
                "cannot compare the picture {}: {refused}\n  to do: check that the file is whole and opens in a viewer",
                file.display()
            ),
        }
    }

    /// Compares the frames of a video: as a whole with the videos of lists, each with the pictures.
    pub(crate) fn of_frames(&self, file: &Path, frames: &Frames, rule: &Rule) -> Result<Verdict> {
        let as_video = match (self.has_videos(), rule.of_videos()) {
            (false, _) => None,
            (true, Some(rule_of_videos)) => self.of_video(&Video::new(&frames.features, rule.quality), &rule_of_videos),
            (true, None) => bail!(
                "cannot compare {} with the videos of a list: it is not said how much they must have in common\n  \
                 to do: add --query-percent and --compared-percent; 80 and 0 find parts of listed videos",
                file.display()
            ),
        };
        let verdict = as_video.unwrap_or_else(|| self.of_each(&frames.features, rule));
        Ok(match (&verdict, &frames.in_part) {
            (Verdict::Nothing, Some(why)) => Verdict::InPart { why: format!("not all of it could be compared: {why}") },
            _ => verdict,
        })
    }

    /// The listed video that has most in common.
    fn of_video(&self, video: &Video, rule: &vpdq::Rule) -> Option<Verdict> {
        let overlaps = self.videos.query(video, rule.distance_bits_max).into_iter();
        let matching = overlaps.filter(|(_, overlap)| overlap.is_match(rule));
        let share = |overlap: &Overlap| overlap.query_percent + overlap.compared_percent;
        let (number, overlap) = matching.max_by(|a, b| share(&a.1).total_cmp(&share(&b.1)))?;
        let (list, entry) = self.video_owners[number as usize];
        let list = &self.lists[list as usize];
        let id = list.entries()[entry as usize].id.to_string();
        let Overlap { query_percent, compared_percent } = overlap;
        Some(Verdict::Video { list: list.name().into(), id, query_percent, compared_percent })
    }

    /// Every frame of enough quality, against the pictures of lists.
    fn of_each(&self, features: &[Feature], rule: &Rule) -> Verdict {
        let good: Vec<&Feature> = features.iter().filter(|feature| feature.quality >= rule.quality).collect();
        let hashes: Vec<Hash256> = good.iter().map(|feature| feature.hash).collect();
        let found = self.index.query_batch(&hashes, rule.radius);
        let nearest = found.iter().zip(&good).filter_map(|(found, feature)| {
            let found = found.iter().find(|found| self.entry(found.number).fingerprint.kind() == Kind::Pdq)?;
            Some((found.distance_bits, feature.frame, feature.timestamp_ms, found.number))
        });
        let matching: Vec<_> = nearest.collect();
        let n_frames = matching.len();
        match matching.into_iter().min() {
            None => Verdict::Nothing,
            Some((distance_bits, frame, timestamp_ms, number)) => {
                let list = self.lists[self.owners[number as usize].0 as usize].name().into();
                let id = self.entry(number).id.to_string();
                Verdict::Frame { list, id, distance_bits, frame, timestamp_ms, n_frames }
            }
        }
    }

    fn entry(&self, number: u32) -> &Entry {
        let (list, entry) = self.owners[number as usize];
        &self.lists[list as usize].entries()[entry as usize]
    }

    fn of_digests(&self, fingerprints: &[Fingerprint]) -> Option<Verdict> {
        let owner = fingerprints.iter().find_map(|fingerprint| self.digests.get(fingerprint))?;
        Some(self.matched(*owner, 0))
    }

    fn of_picture(&self, picture: &Picture, rule: &Rule) -> Verdict {
        let hashes = hashes_to_look_up(picture, rule.quality);
        if hashes.is_empty() {
            return Verdict::digests_only(format_args!("its quality is below {}", rule.quality));
        }
        let found = self.index.query_batch(&hashes, rule.radius);
        match found.iter().filter_map(|found| found.first()).min() {
            Some(found) => self.matched(self.owners[found.number as usize], found.distance_bits),
            None => Verdict::Nothing,
        }
    }

    fn matched(&self, (list, entry): (u32, u32), distance_bits: u32) -> Verdict {
        let list = &self.lists[list as usize];
        let entry = &list.entries()[entry as usize];
        let kind = entry.fingerprint.kind().to_string();
        Verdict::Match { list: list.name().into(), id: entry.id.to_string(), kind, distance_bits }
    }
}

/// The first bytes of a file, enough to tell what it is.
fn head(file: &Path) -> Result<Vec<u8>> {
    let trouble = |error: std::io::Error| {
        anyhow!("cannot read {}: {error}\n  to do: give a file that exists and that you may read", file.display())
    };
    let mut head = Vec::new();
    let open = File::open(file).map_err(trouble)?;
    match open.metadata().map_err(trouble)?.is_dir() {
        // What a directory is told belongs to who reads it whole.
        true => Ok(head),
        false => open.take(256).read_to_end(&mut head).map_err(trouble).map(|_| head),
    }
}
