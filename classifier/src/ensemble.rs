//! What do several models say together?
//!
//! `mean`: all look at every frame and each class is averaged. `cascade`: a fast one looks at every frame and a slower
//! one at those on which the fast one is not sure that all is well. Models that each decide for themselves need nothing
//! from here: the guard takes each as a judge of its own.

use std::sync::Arc;

use guard::Frame;

use crate::{Classifier, Error, Manifest, ModelName, Runtime, Scores, Sha256};

/// One model, or several that judge together, on one thread.
pub struct Ensemble {
    members: Members,
    name: Arc<ModelName>,
}

enum Members {
    One(Box<Classifier>),
    Mean { classifiers: Vec<Classifier>, classes: Arc<[String]> },
    Cascade { first: Box<Classifier>, second: Box<Classifier>, triggers: Vec<Trigger> },
}

/// When the second model of a cascade looks too: a class of the first is at `threshold` or above.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// A class of the first model.
    pub class: String,
    /// A low score, `0.0..=1.0`: what lies below is not looked at twice.
    pub threshold: f32,
}

impl Ensemble {
    /// A single model.
    pub fn one(classifier: Classifier) -> Ensemble {
        Ensemble { name: Arc::clone(classifier.name()), members: Members::One(Box::new(classifier)) }
    }

    /// Averages each class over the models that have it. The classes are the first model's, then what others add.
    ///
    /// # Errors
    /// [`Error::Ensemble`] without at least two models, or when two have no class in common.
    pub fn mean(classifiers: Vec<Classifier>) -> Result<Ensemble, Error> {
        let [first, rest @ ..] = classifiers.as_slice() else {
            return Err(Error::Ensemble("a mean needs at least two".into()));
        };
        if rest.is_empty() {
            return Err(Error::Ensemble("a mean needs at least two".into()));
        }
        let mut classes = first.card().classes.clone();
        for other in rest {
            if !other.card().classes.iter().any(|class| first.card().classes.contains(class)) {
                let (left, right) = (&first.card().name, &other.card().name);
                return Err(Error::Ensemble(format!("{left} and {right} have no class in common")));
            }
            for class in &other.card().classes {
                if !classes.contains(class) {
                    classes.push(class.clone());
                }
            }
        }
        let name = joint_name("mean", &classifiers.iter().collect::<Vec<_>>());
        Ok(Ensemble { members: Members::Mean { classifiers, classes: classes.into() }, name })
    }

    /// Lets `second` look only at frames on which `first` passes one of the `triggers`.
    ///
    /// Where it looked, its classes count, and those of the first that it does not have; a class that only the second
    /// has is absent on all other frames.
    ///
    /// # Errors
    /// [`Error::Ensemble`] without a trigger, for a class that the first model does not have, or a threshold outside
    /// `0.0..=1.0`.
    pub fn cascade(first: Classifier, second: Classifier, triggers: Vec<Trigger>) -> Result<Ensemble, Error> {
        if triggers.is_empty() {
            return Err(Error::Ensemble("a cascade needs a class and a threshold at which the second looks".into()));
        }
        for Trigger { class, threshold } in &triggers {
            if !first.card().classes.contains(class) {
                return Err(Error::Ensemble(format!("{} has no class {class}", first.card().name)));
            }
            if !(0.0..=1.0).contains(threshold) {
                return Err(Error::Ensemble(format!("the threshold {threshold} of {class} is not from 0 to 1")));
            }
        }
        let name = joint_name("cascade", &[&first, &second]);
        let members = Members::Cascade { first: Box::new(first), second: Box::new(second), triggers };
        Ok(Ensemble { members, name })
    }

    /// The same for another thread.
    ///
    /// # Errors
    /// As [`Classifier::another`].
    pub fn another(&self) -> Result<Ensemble, Error> {
        let members = match &self.members {
            Members::One(classifier) => Members::One(Box::new(classifier.another()?)),
            Members::Mean { classifiers, classes } => Members::Mean {
                classifiers: classifiers.iter().map(Classifier::another).collect::<Result<_, _>>()?,
                classes: Arc::clone(classes),
            },
            Members::Cascade { first, second, triggers } => Members::Cascade {
                first: Box::new(first.another()?),
                second: Box::new(second.another()?),
                triggers: triggers.clone(),
            },
        };
        Ok(Ensemble { members, name: Arc::clone(&self.name) })
    }

    /// Judges the whole of `frame`.
    ///
    /// # Errors
    /// As [`Classifier::classify`]; when one of the models fails, so does the ensemble.
    pub fn classify(&mut self, frame: &Frame) -> Result<Scores, Error> {
        match &mut self.members {
            Members::One(classifier) => classifier.classify(frame),
            Members::Mean { classifiers, classes } => {
                let all = classifiers.iter_mut().map(|one| one.classify(frame)).collect::<Result<Vec<_>, _>>()?;
                let values = classes.iter().map(|class| mean_of(class, &all)).collect();
                Ok(Scores::from_parts(Arc::clone(classes), values, Arc::clone(&self.name)))
            }
            Members::Cascade { first, second, triggers } => {
                let quick = first.classify(frame)?;
                let looks_twice = triggers
                    .iter()
                    .any(|trigger| quick.of(&trigger.class).is_none_or(|value| value >= trigger.threshold));
                let scores = if looks_twice { both(&quick, &second.classify(frame)?) } else { quick };
                Ok(scores.under(Arc::clone(&self.name)))
            }
        }
    }

    /// The name that its scores carry.
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// The facts about each model, with what runs it.
    pub fn cards(&self) -> Vec<(&Manifest, &Runtime)> {
        let classifiers: Vec<&Classifier> = match &self.members {
            Members::One(classifier) => vec![classifier],
            Members::Mean { classifiers, .. } => classifiers.iter().collect(),
            Members::Cascade { first, second, .. } => vec![first, second],
        };
        classifiers.into_iter().map(|one| (one.card(), one.runtime())).collect()
    }
}

fn mean_of(class: &str, all: &[Scores]) -> f32 {
    let values: Vec<f32> = all.iter().filter_map(|scores| scores.of(class)).collect();
    values.iter().sum::<f32>() / values.len() as f32
}

fn both(first: &Scores, second: &Scores) -> Scores {
    let rest: Vec<(&str, f32)> = first.iter().filter(|(class, _)| second.of(class).is_none()).collect();
    let (classes, values): (Vec<String>, Vec<f32>) =
        second.iter().chain(rest).map(|(class, value)| (class.to_owned(), value)).unzip();
    Scores::from_parts(classes.into(), values, Arc::new(second.model().clone()))
}

fn joint_name(kind: &str, members: &[&Classifier]) -> Arc<ModelName> {
    let list = |of: fn(&Manifest) -> &str| members.iter().map(|one| of(one.card())).collect::<Vec<_>>().join(", ");
    let hashes: Vec<u8> = members.iter().flat_map(|one| *one.card().sha256.as_bytes()).collect();
    Arc::new(ModelName {
        name: format!("{kind}({})", list(|card| &card.name)),
        version: list(|card| &card.version),
        sha256: Sha256::of(&hashes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiny::{coloured, redness};

    const CLASSES: [&str; 2] = ["red", "other"];

    fn trigger(threshold: f32) -> Vec<Trigger> {
        vec![Trigger { class: "red".into(), threshold }]
    }

    #[test]
    fn a_mean_averages_each_class_over_the_models_that_have_it() {
        let (mut one, mut two) = (redness("one", CLASSES, 0.0), redness("two", ["red", "rest"], 4.0));
        let alone = coloured([255, 0, 0], |frame| [one.classify(frame).unwrap(), two.classify(frame).unwrap()]);
        let mut ensemble = Ensemble::mean(vec![one, two]).unwrap();
        let scores = coloured([255, 0, 0], |frame| ensemble.another().unwrap().classify(frame)).unwrap();
        assert_eq!(scores.classes(), ["red", "other", "rest"]);
        let mean = (alone[0].values()[0] + alone[1].values()[0]) / 2.0;
        assert_eq!(scores.values(), [mean, alone[0].values()[1], alone[1].values()[1]]);
        assert_eq!(scores.model().name, "mean(one, two)");
        assert!(coloured([0, 0, 0], |frame| ensemble.classify(frame)).is_ok());
    }

    #[test]
    fn a_cascade_looks_twice_only_from_its_threshold_on() {
        let cascade = |threshold| {
            let (first, second) = (redness("first", CLASSES, 0.0), redness("second", ["red", "rest"], 4.0));
            Ensemble::cascade(first, second, trigger(threshold)).unwrap()
        };
        let look = |threshold: f32| coloured([255, 0, 0], |frame| cascade(threshold).classify(frame)).unwrap();
        // The first gives 0.5 to everything.
        assert_eq!(look(0.51).classes(), ["red", "other"]);
        let looked = look(0.5);
        assert_eq!(looked.classes(), ["red", "rest", "other"]);
        assert!(looked.of("red").unwrap() > 0.98);
        assert_eq!((looked.model(), look(0.51).model()), (cascade(0.5).name(), cascade(0.5).name()));
    }

    #[test]
    fn models_that_do_not_fit_each_other_are_refused() {
        let tiny = |classes| redness("tiny", classes, 1.0);
        assert!(Ensemble::mean(vec![tiny(CLASSES)]).is_err());
        assert!(Ensemble::mean(vec![tiny(CLASSES), tiny(["x", "y"])]).is_err());
        assert!(Ensemble::cascade(tiny(CLASSES), tiny(CLASSES), vec![]).is_err());
        assert!(Ensemble::cascade(tiny(["x", "y"]), tiny(CLASSES), trigger(0.1)).is_err());
        assert!(Ensemble::cascade(tiny(CLASSES), tiny(CLASSES), trigger(1.5)).is_err());
        assert!(Ensemble::cascade(tiny(CLASSES), tiny(CLASSES), trigger(f32::NAN)).is_err());
    }
}
