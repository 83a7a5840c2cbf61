//! What does a model see in this picture?
