//! Which models judge, and what runs them?
//!
//! Models come from the user's store, each by name and with its pinned hash. The policy's ensemble makes one judge of
//! each model (`any`) or one judge of all (`mean`, `cascade`).

use std::sync::{Arc, Mutex};

use classifier::{Classifier, Ensemble, Library, LibrarySearch, Runtime, RuntimeChoice, Store, Trigger};
use guard::finding::{Found, Score};
use guard::policy::{self, ScoreRule};
use guard::{Frame, Policy};

use crate::detectors::lock;
use crate::{Error, report};

/// What `auto` stands for where onnxruntime is there: more accurate, and still in time.
pub const AUTO_WITH_ONNXRUNTIME: &str = "MobileNetV2Mid";
/// What `auto` stands for elsewhere.
pub const AUTO: &str = "MobileNetV2";

/// The models of a policy, loaded and tried once.
pub struct Models {
    /// One for each judge; another is made of it for each thread.
    judges: Mutex<Vec<Ensemble>>,
}

impl Models {
    /// Loads every model that the policy names, to be run by `runtime`.
    ///
    /// # Errors
    /// [`Error::Model`] for one that is not there or has another hash; [`Error::ClassUnknown`] when the policy's
    /// score rules and the models' classes do not fit each other.
    pub fn load(policy: &Policy, runtime: &RuntimeChoice) -> Result<Models, Error> {
        let names = &policy.judges.models;
        let classifiers = names.iter().map(|name| open(name, runtime)).collect::<Result<Vec<_>, _>>()?;
        check_classes(&policy.scores, &classifiers)?;
        let failed = |source| failed(&names.join(" with "), source);
        let judges = match policy.judges.ensemble {
            _ if classifiers.len() < 2 => classifiers.into_iter().map(Ensemble::one).collect(),
            policy::Ensemble::Any => classifiers.into_iter().map(Ensemble::one).collect(),
            policy::Ensemble::Mean => vec![Ensemble::mean(classifiers).map_err(failed)?],
            policy::Ensemble::Cascade => vec![cascade(classifiers, policy).map_err(failed)?],
        };
        Ok(Models { judges: Mutex::new(judges) })
    }

    /// Name, hash and runtime of every model, in the order of the judges.
    pub fn facts(&self) -> Vec<report::Model> {
        let judges = lock(&self.judges);
        let cards = judges.iter().flat_map(Ensemble::cards);
        let fact = |(card, runtime): (&classifier::Manifest, &Runtime)| report::Model {
            name: card.name.clone(),
            sha256: card.sha256.to_string(),
            runtime: runtime.to_string(),
        };
        cards.map(fact).collect()
    }

    /// A judge each, for one thread.
    pub(crate) fn seats(&self) -> Result<Vec<Seat>, Error> {
        let judges = lock(&self.judges);
        let seat = |judge: &Ensemble| judge.another().map(Seat::new).map_err(|e| failed(&judge.name().name, e));
        judges.iter().map(seat).collect()
    }
}

/// Which model `auto` means on this machine.
pub fn resolve(name: &str) -> &str {
    match name {
        "auto" if Library::search(&LibrarySearch::default()).is_ok() => AUTO_WITH_ONNXRUNTIME,
        "auto" => AUTO,
        named => named,
    }
}

fn open(name: &str, choice: &RuntimeChoice) -> Result<Classifier, Error> {
    let name = resolve(name);
    let no_home = || Error::Model {
        name: name.to_owned(),
        source: "there is no home folder to keep models in".into(),
        todo: "set STREAMWARD_MODELS to a folder".into(),
    };
    let store = Store::of_user().ok_or_else(no_home)?;
    let model = store.load(name, &[], choice).map_err(|source| failed(name, source))?;
    model.classifier().map_err(|source| failed(name, source))
}

fn failed(name: &str, source: classifier::Error) -> Error {
    let todo = source.to_do().to_owned();
    Error::Model { name: name.to_owned(), source: Box::new(source), todo }
}

/// A rule that no model feeds would never cover anything, and a model that feeds no rule would only cost time.
fn check_classes(rules: &[ScoreRule], classifiers: &[Classifier]) -> Result<(), Error> {
    let known: Vec<&String> = classifiers.iter().flat_map(|classifier| &classifier.card().classes).collect();
    for rule in rules.iter().filter(|_| !classifiers.is_empty()) {
        if let Some(class) = rule.classes.iter().find(|class| !known.contains(class)) {
            let known = known.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::ClassUnknown { rule: rule.name.clone(), class: class.clone(), known });
        }
    }
    for classifier in classifiers {
        let card = classifier.card();
        if !rules.iter().flat_map(|rule| &rule.classes).any(|class| card.classes.contains(class)) {
            let source = "no score rule of the policy names a class of it".into();
            let todo = format!("add a [[score]] with one of {}", card.classes.join(", "));
            return Err(Error::Model { name: card.name.clone(), source, todo });
        }
    }
    Ok(())
}

fn cascade(classifiers: Vec<Classifier>, policy: &Policy) -> Result<Ensemble, classifier::Error> {
    let mut classifiers = classifiers.into_iter();
    let (Some(first), Some(second), None) = (classifiers.next(), classifiers.next(), classifiers.next()) else {
        return Err(classifier::Error::Ensemble("a cascade has two models".into()));
    };
    let of_first = |class: &&String| first.card().classes.contains(class);
    let classes = policy.scores.iter().flat_map(|rule| &rule.classes).filter(of_first);
    let triggers =
        classes.map(|class| Trigger { class: class.clone(), threshold: policy.judges.cascade_from }).collect();
    Ensemble::cascade(first, second, triggers)
}

/// One judge on one thread.
pub(crate) struct Seat {
    ensemble: Ensemble,
    classes: Vec<Arc<str>>,
}

impl Seat {
    fn new(ensemble: Ensemble) -> Seat {
        Seat { ensemble, classes: Vec::new() }
    }

    /// The scores of a part of a frame. An error is never a score: the frame counts as not judged.
    pub(crate) fn look(&mut self, part: &Frame) -> Found {
        let Ok(scores) = self.ensemble.classify(part) else { return Found::Failed };
        if self.classes.len() != scores.classes().len() {
            self.classes = scores.classes().iter().map(|class| class.as_str().into()).collect();
        }
        let named = self.classes.iter().zip(scores.values());
        Found::Scores(named.map(|(class, value)| Score { class: Arc::clone(class), value: *value }).collect())
    }
}
