//! A network between client and server that the test bends while it runs: cut, stalled, slow, in crumbs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A TCP proxy. It runs until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Where new connections go.
    server: watch::Sender<SocketAddr>,
    /// Each value ends the connections that are open then.
    ends: watch::Sender<End>,
    /// How many bytes went through, in each direction, over all connections.
    passed: Arc<[AtomicUsize; 2]>,
    _tasks: JoinSet<()>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order, on both sides.
    Close,
    /// With a reset, on both sides.
    Reset,
}

/// What becomes of bytes in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// After so many bytes of a connection in one direction it ends; the bytes before arrive.
    pub(crate) cut: Option<(Direction, usize, End)>,
    /// Nothing goes through, until this changes. Connections are taken all the same.
    pub(crate) stalled: bool,
    /// New connections end at once with a reset.
    pub(crate) refused: bool,
    /// How late each piece arrives.
    pub(crate) delay: Duration,
    /// Every byte is a packet of its own.
    pub(crate) crumbs: bool,
}

impl Proxy {
    /// In front of `server`, with the weather as it begins.
    pub(crate) async fn start(server: SocketAddr, weather: Weather) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, watched) = watch::channel(weather);
        let (server, target) = watch::channel(server);
        let (ends, ended) = watch::channel(End::Close);
        let passed = Arc::<[AtomicUsize; 2]>::default();
        let counted = Arc::clone(&passed);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // What ended connections before is no matter of this one.
                let mut ended = ended.clone();
                ended.mark_unchanged();
                let (target, refused) = (*target.borrow(), watched.borrow().refused);
                let server = if refused { None } else { TcpStream::connect(target).await.ok() };
                let Some(server) = server else {
                    client.set_zero_linger().unwrap();
                    continue;
                };
                open.spawn(carry(client, server, watched.clone(), ended, Arc::clone(&counted)));
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, weather, server, ends, passed, _tasks: tasks }
    }

    /// Changes the weather, for open connections too.
    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Sends new connections to another server; those that are open stay where they are.
    pub(crate) fn point_at(&self, server: SocketAddr) {
        self.server.send_replace(server);
    }

    /// Ends all connections that are open.
    pub(crate) fn cut(&self, end: End) {
        self.ends.send_replace(end);
    }

    /// How many bytes went through in one direction.
    pub(crate) fn passed(&self, direction: Direction) -> usize {
        self.passed[direction as usize].load(Ordering::SeqCst)
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    weather: watch::Receiver<Weather>,
    mut ended: watch::Receiver<End>,
    passed: Arc<[AtomicUsize; 2]>,
) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let up = Lane { direction: Direction::Up, weather: weather.clone(), passed: Arc::clone(&passed) };
    let down = Lane { direction: Direction::Down, weather, passed };
    let mut lanes = (from_client, to_server, from_server, to_client);
    // What one side ends is over for both: half-open connections are not in any of these protocols.
    let end = tokio::select! {
        end = up.run(&mut lanes.0, &mut lanes.1) => end,
        end = down.run(&mut lanes.2, &mut lanes.3) => end,
        Ok(()) = ended.changed() => *ended.borrow(),
    };
    let (from_client, to_server, from_server, to_client) = lanes;
    let streams = [to_client.reunite(from_client).unwrap(), to_server.reunite(from_server).unwrap()];
    for mut stream in streams {
        match end {
            End::Reset => stream.set_zero_linger().unwrap(),
            End::Close => drop(stream.shutdown().await),
        }
    }
}

/// One direction of a connection.
struct Lane {
    direction: Direction,
    weather: watch::Receiver<Weather>,
    passed: Arc<[AtomicUsize; 2]>,
}

impl Lane {
    /// Carries bytes until the connection ends, and says how.
    async fn run(mut self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> End {
        let (mut buffer, mut carried) = ([0; 16 * 1024], 0);
        loop {
            let read = match from.read(&mut buffer).await {
                Ok(0) => return End::Close,
                Ok(read) => read,
                Err(_) => return End::Reset,
            };
            let Ok(_) = self.weather.wait_for(|weather| !weather.stalled).await else { return End::Reset };
            let weather = *self.weather.borrow();
            if !weather.delay.is_zero() {
                sleep(weather.delay).await;
            }
            let cut = weather.cut.filter(|(direction, ..)| *direction == self.direction);
            let left = cut.map_or(read, |(_, after, _)| read.min(after.saturating_sub(carried)));
            for piece in buffer[..left].chunks(if weather.crumbs { 1 } else { left.max(1) }) {
                if to.write_all(piece).await.is_err() {
                    return End::Reset;
                }
                self.passed[self.direction as usize].fetch_add(piece.len(), Ordering::SeqCst);
                if weather.crumbs {
                    tokio::task::yield_now().await;
                }
            }
            carried += left;
            match cut {
                Some((_, after, end)) if carried >= after => return end,
                _ => {}
            }
        }
    }
}
