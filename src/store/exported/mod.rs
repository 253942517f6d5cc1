//! What is handed out of the store: everything about a case, about a person, or everything there is. Read as of one moment; each
//! record is one JSON object with a `type`. Facts are as `import` takes them.

mod about;
mod all;
mod tables;

pub use about::PersonRole;
pub use all::ExportPlace;
pub use tables::Exported;
