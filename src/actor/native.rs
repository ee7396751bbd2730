//! Actors written in Rust, beside those that are components.

use std::rc::Rc;

use super::{Blueprint, Child, Context, CreateError, Nursery, Recipe, ShardId};

/// A blueprint that makes native actors with a function.
///
/// ```
/// use raddle::actor::{Actor, Child, Context, Message, Native, Outcome};
///
/// #[derive(Default)]
/// struct Sum(u64);
///
/// impl Actor for Sum {
///     fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
///         self.0 += message.payload.len() as u64;
///         Outcome::Done(Some(self.0.to_le_bytes()[..].into()))
///     }
/// }
///
/// impl Child for Sum {}
///
/// let blueprint = Native::new("sum", |_| Sum::default());
/// # let _: &dyn raddle::actor::Blueprint = &blueprint;
/// ```
pub struct Native<F> {
    name: String,
    make: F,
}

impl<F, C> Native<F>
where
    F: Fn(&Recipe) -> C + Clone + Send + Sync + 'static,
    C: Child + 'static,
{
    /// A blueprint of this name. `make` is called on the shard, once for each
    /// incarnation.
    pub fn new(name: impl Into<String>, make: F) -> Self {
        Self { name: name.into(), make }
    }
}

impl<F, C> Blueprint for Native<F>
where
    F: Fn(&Recipe) -> C + Clone + Send + Sync + 'static,
    C: Child + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn nursery(&self, _: ShardId, _: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
        Ok(Box::new(NativeNursery(self.make.clone())))
    }
}

struct NativeNursery<F>(F);

impl<F, C> Nursery for NativeNursery<F>
where
    F: Fn(&Recipe) -> C,
    C: Child + 'static,
{
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError> {
        Ok(Box::new((self.0)(recipe)))
    }
}
