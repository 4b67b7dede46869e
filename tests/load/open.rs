//! The open loop: a thread of its own sends each request when it is due and writes down what came of it.

use super::client::Clients;
use super::figures::{Fault, Record};
use super::plan::{Mix, Order, Plan};
use super::target::Target;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests under way at once; more than this is the generator's own failure.
const UNDER_WAY: usize = 8_000;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub mix: Mix,
    /// Requests a second.
    pub rate: f64,
    /// It ends after so many requests, after `life`, or when it is told to.
    pub most: usize,
    pub life: Duration,
    pub addresses: u8,
}

pub struct Load {
    began: Instant,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<Vec<Record>>,
}

struct Shared {
    clients: Clients,
    target: Arc<dyn Target>,
    records: Mutex<Vec<Record>>,
    under_way: AtomicUsize,
}

impl Load {
    pub fn start(settings: Settings, target: Arc<dyn Target>) -> Load {
        let (began, stop, sent) = (Instant::now(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(settings, target, began, (&told, &counted)))
        });
        Load { began, stop, sent, thread }
    }

    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Acquire)
    }

    /// Now, as records count time.
    pub fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Sends nothing new, waits for what is under way.
    pub fn stop(self) -> Vec<Record> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }

    /// Goes on until all were sent.
    pub fn finish(self) -> Vec<Record> {
        self.thread.join().unwrap()
    }
}

async fn run(
    settings: Settings,
    target: Arc<dyn Target>,
    began: Instant,
    (stop, sent): (&AtomicBool, &AtomicUsize),
) -> Vec<Record> {
    let plan = Plan::new(settings.mix, target.links());
    let shared = Arc::new(Shared {
        clients: Clients::new(settings.addresses),
        target,
        records: Mutex::new(Vec::with_capacity(settings.most.min(2_000_000))),
        under_way: AtomicUsize::new(0),
    });
    let (step, offset) = (1.0 / settings.rate, began.elapsed());
    for (order, n) in plan.zip(0u32..).take(settings.most) {
        let due = offset + Duration::from_secs_f64(step * f64::from(n));
        if due > settings.life || stop.load(Ordering::Acquire) {
            break;
        }
        if due > began.elapsed() {
            tokio::time::sleep_until((began + due).into()).await;
        }
        send(&shared, order, began, due);
        sent.fetch_add(1, Ordering::AcqRel);
    }
    while shared.under_way.load(Ordering::Acquire) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut records = std::mem::take(&mut *shared.records.lock().unwrap_or_else(PoisonError::into_inner));
    records.sort_unstable_by_key(|r| r.due);
    records
}

fn send(shared: &Arc<Shared>, order: Order, began: Instant, due: Duration) {
    let shared = Arc::clone(shared);
    let full = shared.under_way.fetch_add(1, Ordering::AcqRel) >= UNDER_WAY;
    tokio::spawn(async move {
        let (status, fault) = if full { (0, Some(Fault::Unsent)) } else { one(&shared, order).await };
        let took = began.elapsed().saturating_sub(due).as_micros() as u64;
        let record = Record { due: due.as_micros() as u64, took, deed: order.deed, status, fault };
        shared.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        shared.under_way.fetch_sub(1, Ordering::AcqRel);
    });
}

async fn one(shared: &Shared, order: Order) -> (u16, Option<Fault>) {
    let call = shared.target.call(order);
    match shared.clients.ask(order.n, order.way, call).await {
        Ok(reply) => (reply.status, shared.target.fault(order, &reply)),
        Err(fault) => (0, Some(fault)),
    }
}
