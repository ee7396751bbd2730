//! Raddle beside tokio: shards on their own pinned threads, and async tasks that
//! await their replies.
//!
//! ```sh
//! cargo run --example embed_tokio
//! ```

use std::path::Path;
use std::time::Duration;

use raddle::actor::RequestError;
use raddle::{ActorId, Handle, Runtime, Spawn};

const CLIENTS: usize = 100;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Setting up, loading and shutting down take their time: outside of async code,
    // or in `spawn_blocking`.
    let raddle = Runtime::builder().build()?;
    let echo = raddle.load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/echo.wasm"))?;
    println!("{} shards; {}", raddle.shards(), raddle.reactor());

    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    // A `Handle` is `Clone + Send + Sync`: one for every task.
    let answered = tokio.block_on(serve(raddle.handle(), echo))?;
    println!("{answered} replies");
    assert_eq!(answered, CLIENTS);

    let report = raddle.shutdown(Duration::from_secs(5));
    println!("latency: {:?}", report.latency().summary());
    assert!(report.ledger().closes());
    Ok(())
}

/// Many tasks, each with a request of its own. How many were answered?
async fn serve(
    raddle: Handle,
    echo: std::sync::Arc<dyn raddle::actor::Blueprint>,
) -> Result<usize, Box<dyn std::error::Error>> {
    // `spawn` and `request` give futures, for any executor.
    let echo = raddle.spawn(Spawn::new(echo).name("echo")).await?;
    let client = |number| tokio::spawn(ask(raddle.clone(), echo, number));
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut answered = 0;
    for client in clients {
        client.await??;
        answered += 1;
    }

    // Whoever loses interest drops the future.
    let nobody_waits = raddle.request(echo, "never mind");
    drop(nobody_waits);
    Ok(answered)
}

async fn ask(raddle: Handle, echo: ActorId, number: usize) -> Result<(), RequestError> {
    let question = format!("hello from client {number}");
    // It has a deadline of its own; tokio's timers are not needed for it.
    let reply = raddle.request_within(echo, question.as_str(), Duration::from_secs(10)).await?;
    assert_eq!(&*reply, question.as_bytes());
    Ok(())
}
