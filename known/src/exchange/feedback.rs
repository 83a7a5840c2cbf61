//! How is an exchange told that an entry was right or wrong?
//!
//! Source: `submit_upvote` and `submit_feedback` in facebook/ThreatExchange, `clients/ncmec/hash_api.py`, and
//! `submit_feedbacks` in `clients/stopncii/api.py`.

use serde_json::json;

/// What is thought of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// The entry is right.
    Right,
    /// It is wrong, for the reason that NCMEC lists under this id.
    Wrong {
        /// From `feedback/<TYPE>/reasons`.
        reason_id: String,
    },
}

/// The body of NCMEC's `PUT entries/<member>/<id>/<TYPE>/feedback`.
pub fn ncmec_body(opinion: &Opinion) -> String {
    let inner = match opinion {
        Opinion::Right => "<affirmative/>".to_owned(),
        Opinion::Wrong { reason_id } => {
            let reason_id = quick_xml::escape::escape(reason_id.as_str());
            format!("<negative><reasonIds><guid>{reason_id}</guid></reasonIds></negative>")
        }
    };
    format!("<feedbackSubmission xmlns=\"https://hashsharing.ncmec.org/hashsharing/v2\">{inner}</feedbackSubmission>")
}

/// What StopNCII's `SubmitFeedback` calls an opinion.
pub const STOPNCII_VALUES: [&str; 8] =
    ["None", "QualityUnknown", "PendingReview", "Blocked", "NotBlocked", "Withdrawn", "Deleted", "Unknown"];

/// The body of StopNCII's `SubmitFeedback` for one hash; `value` is one of [`STOPNCII_VALUES`].
pub fn stopncii_body(hash: &str, value: &str, tags: &[String]) -> String {
    json!({ "count": 1, "hashFeedbacks": [{ "hashValue": hash, "feedbackValue": value, "tags": tags }] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_those_of_the_public_clients() {
        assert!(ncmec_body(&Opinion::Right).ends_with("v2\"><affirmative/></feedbackSubmission>"));
        let wrong = ncmec_body(&Opinion::Wrong { reason_id: "a<b".into() });
        assert!(wrong.contains("<negative><reasonIds><guid>a&lt;b</guid></reasonIds></negative>"), "{wrong}");
        let body = stopncii_body("ab", "Blocked", &[]);
        assert_eq!(body, r#"{"count":1,"hashFeedbacks":[{"feedbackValue":"Blocked","hashValue":"ab","tags":[]}]}"#);
    }
}
