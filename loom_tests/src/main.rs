//! `raddle-loom list`: the models. `raddle-loom run NAME…`: checks them, or fails.

use std::process::ExitCode;

use raddle_loom::MODELS;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, [])) if command == "list" => {
            for model in MODELS {
                println!("{}\t{}\t{}", model.name, model.preemptions, model.promise);
            }
            ExitCode::SUCCESS
        }
        Some((command, names)) if command == "run" => {
            for name in names {
                let Some(model) = MODELS.iter().find(|model| model.name == name) else {
                    eprintln!("no model is called {name}");
                    return ExitCode::from(2);
                };
                (model.run)();
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: raddle-loom list | run NAME…");
            ExitCode::from(2)
        }
    }
}
