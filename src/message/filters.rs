//! The language of templates: the tags and filters of Liquid that always end soon and give the same answer each time.
//!
//! Left out are those that read a clock (`date`), that overflow (arithmetic), and that run or grow without bound
//! (ranges, `tablerow`, `capture`, `increment`, `cycle`, includes).

use super::view::MISSING;
use liquid_core::parser::{FilterArguments, ParameterReflection};
use liquid_core::runtime::Runtime;
use liquid_core::{Error, Filter, FilterReflection, Language, ParseFilter, Result, Value, ValueView};
use liquid_lib::stdlib::{self, AssignTag, BreakTag, CaseBlock, ContinueTag, ForBlock, IfBlock, UnlessBlock};
use std::fmt;
use std::sync::LazyLock;

/// The longest text that a filter may give, in bytes.
const LENGTH_MAX: usize = 4_096;

/// The filters by name.
pub(super) const KNOWN: [&str; 23] = [
    "append",
    "capitalize",
    "default",
    "downcase",
    "escape",
    "first",
    "join",
    "last",
    "lstrip",
    "prepend",
    "remove",
    "remove_first",
    "replace",
    "replace_first",
    "rstrip",
    "size",
    "split",
    "strip",
    "strip_newlines",
    "truncate",
    "truncatewords",
    "upcase",
    "url_encode",
];

/// Whether there is such a filter.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// The tags and filters, for the parser.
pub(super) static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
    let mut language = Language::empty();
    language.blocks.register("if".to_owned(), Box::new(IfBlock));
    language.blocks.register("unless".to_owned(), Box::new(UnlessBlock));
    language.blocks.register("case".to_owned(), Box::new(CaseBlock));
    language.blocks.register("for".to_owned(), Box::new(ForBlock));
    language.tags.register("assign".to_owned(), Box::new(AssignTag));
    language.tags.register("break".to_owned(), Box::new(BreakTag));
    language.tags.register("continue".to_owned(), Box::new(ContinueTag));
    let filters: [Box<dyn ParseFilter>; 23] = [
        Box::new(stdlib::Append),
        Box::new(stdlib::Capitalize),
        Box::new(stdlib::Default),
        Box::new(stdlib::Downcase),
        Box::new(stdlib::Escape),
        Box::new(stdlib::First),
        Box::new(stdlib::Join),
        Box::new(stdlib::Last),
        Box::new(stdlib::Lstrip),
        Box::new(stdlib::Prepend),
        Box::new(stdlib::Remove),
        Box::new(stdlib::RemoveFirst),
        Box::new(stdlib::Replace),
        Box::new(stdlib::ReplaceFirst),
        Box::new(stdlib::Rstrip),
        Box::new(stdlib::Size),
        Box::new(stdlib::Split),
        Box::new(stdlib::Strip),
        Box::new(stdlib::StripNewlines),
        Box::new(stdlib::Truncate),
        Box::new(stdlib::TruncateWords),
        Box::new(stdlib::Upcase),
        Box::new(stdlib::UrlEncode),
    ];
    for filter in filters {
        let name = filter.reflection().name().to_owned();
        language.filters.register(name, Box::new(Bounded(filter)));
    }
    language
});

/// A filter whose answers are bounded, and that takes nothing that is missing, unless it is there for that.
#[derive(Clone)]
struct Bounded(Box<dyn ParseFilter>);

impl ParseFilter for Bounded {
    fn parse(&self, arguments: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        let takes_missing = self.name() == "default";
        Ok(Box::new(BoundedFilter { own: self.0.parse(arguments)?, takes_missing }))
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self
    }
}

impl FilterReflection for Bounded {
    fn name(&self) -> &str {
        self.0.reflection().name()
    }

    fn description(&self) -> &str {
        self.0.reflection().description()
    }

    fn positional_parameters(&self) -> &'static [ParameterReflection] {
        self.0.reflection().positional_parameters()
    }

    fn keyword_parameters(&self) -> &'static [ParameterReflection] {
        self.0.reflection().keyword_parameters()
    }
}

#[derive(Debug)]
struct BoundedFilter {
    own: Box<dyn Filter>,
    takes_missing: bool,
}

impl fmt::Display for BoundedFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.own.fmt(f)
    }
}

impl Filter for BoundedFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        if input.type_name() == MISSING && !self.takes_missing {
            // It says what is missing.
            return Ok(input.to_value());
        }
        let answer = self.own.evaluate(input, runtime)?;
        let length = match &answer {
            Value::Array(all) => all.iter().map(|one| one.to_kstr().len()).sum(),
            Value::Scalar(one) => one.to_kstr().len(),
            Value::Object(_) | Value::State(_) | Value::Nil => 0,
        };
        if length > LENGTH_MAX {
            return Err(Error::with_msg(format!("a filter gives {length} bytes; at most {LENGTH_MAX} are allowed")));
        }
        Ok(answer)
    }
}
