//! Loading the components of a manifest, with something to look at meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::actor::Blueprint;
use crate::manifest::{ComponentSpec, Manifest, ManifestError};
use crate::wasm::{CacheConfig, CacheOutcome, CompileProgress, ComponentBlueprint, Engine};

use super::assemble::profile;
use super::check::{ComponentFault, component_problem};
use super::exit::Failure;

/// What the actors of a manifest are made from, by the names of the components.
pub(super) type Blueprints = BTreeMap<String, Arc<dyn Blueprint>>;

/// Loads every component of a manifest. What could not be cached is said in
/// `remarks`.
pub(super) fn load_all(
    engine: &Engine,
    manifest: &Manifest,
    cache: &CacheConfig,
    quiet: bool,
    remarks: &mut Vec<String>,
) -> Result<Blueprints, Failure> {
    let progress = Bar::new(manifest.components.len(), quiet);
    let mut blueprints = Blueprints::new();
    let mut problems = Vec::new();
    for spec in &manifest.components {
        match load(engine, spec, manifest, cache, &progress) {
            Ok((blueprint, outcome)) => {
                if let CacheOutcome::Unusable { reason } = outcome {
                    remarks.push(format!("compiled components are not cached: {reason}"));
                }
                blueprints.insert(spec.name.clone(), Arc::new(blueprint));
            }
            Err(fault) => problems.push(component_problem(manifest, spec, fault)),
        }
        progress.0.inc(1);
    }
    progress.0.finish_and_clear();
    remarks.dedup();
    if problems.is_empty() {
        Ok(blueprints)
    } else {
        Err(Failure::component(ManifestError::Invalid { path: manifest.path.clone(), problems }))
    }
}

/// Loads one component, with the limits that the manifest sets for it.
pub(super) fn load(
    engine: &Engine,
    spec: &ComponentSpec,
    manifest: &Manifest,
    cache: &CacheConfig,
    progress: &dyn CompileProgress,
) -> Result<(ComponentBlueprint, CacheOutcome), ComponentFault> {
    let component = engine
        .load(&spec.path, cache, progress)
        .map_err(|error| ComponentFault { error: Box::new(error), help: None })?;
    let outcome = component.cache().clone();
    let profile = profile(spec, manifest.runtime.message_bytes_max);
    let blueprint = ComponentBlueprint::with(component, profile)
        .map_err(|error| ComponentFault { error: Box::new(error), help: None })?;
    Ok((blueprint, outcome))
}

/// Shown on a terminal, and only if it takes a while.
struct Bar(ProgressBar);

impl Bar {
    fn new(components: usize, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(components as u64), target);
        let style = ProgressStyle::with_template("{spinner} [{bar:20}] {pos}/{len} components  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }
}

impl CompileProgress for Bar {
    fn started(&self, name: &str, bytes: usize) {
        self.0.set_message(format!("compiling {name} ({} KiB)", bytes.div_ceil(1024)));
        self.0.enable_steady_tick(Duration::from_millis(100));
    }

    fn finished(&self, _: &str, _: Duration) {
        self.0.set_message("");
    }
}
