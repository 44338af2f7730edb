//! Counts real packets on the loopback interface, by protocol and port: a socket filter, maps, and a ring buffer of events.
//!
//! The object is embedded; its source is `testdata/bpf/packets.c`. Needs root. Nothing outside of this process is touched: the filter hangs
//! on a socket of this process, and the packets that it sends go to itself.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, Result};
use bpf_core::{Collection, CollectionSpec, LoadOptions, RingBuffer, link, sys};
use zerocopy::{BigEndian, FromBytes, Immutable, IntoBytes, KnownLayout, U16};

/// A protocol with a destination port: `struct flow` of the program.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Flow {
    protocol: u8,
    ip_version: u8,
    port: U16<BigEndian>,
}

/// `struct traffic` of the program.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Traffic {
    packets: u64,
    bytes: u64,
}

/// One packet: `struct event` of the program.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Event {
    time_ns: u64,
    length: u32,
    flow: Flow,
}

impl Flow {
    fn protocol(self) -> String {
        match (self.protocol, self.ip_version) {
            (1, _) => "ICMP".to_owned(),
            (58, _) => "ICMPv6".to_owned(),
            (6, 4) => "TCP".to_owned(),
            (6, _) => "TCP, IPv6".to_owned(),
            (17, 4) => "UDP".to_owned(),
            (17, _) => "UDP, IPv6".to_owned(),
            (number, _) => format!("protocol {number}"),
        }
    }

    fn port(self) -> String {
        match self.protocol {
            6 | 17 => self.port.get().to_string(),
            _ => "-".to_owned(),
        }
    }
}

fn main() -> Result<()> {
    // 1. and 2.: read the object, and change it before it is loaded.
    let mut spec = CollectionSpec::parse(testdata::object("packets", testdata::Order::NATIVE))?;
    let loopback: u32 = fs::read_to_string("/sys/class/net/lo/ifindex")
        .context("no loopback interface")?
        .trim()
        .parse()?;
    spec.set_variable("only_ifindex", &loopback)?;

    // 3. Load it: four maps, two data sections, one program.
    let collection = Collection::load(&spec, &LoadOptions::new())?;

    // 4. Attach it to a socket that gets every packet. The filter keeps none.
    let socket = sys::socket::packet_socket()?;
    let link = link::attach_socket_filter(collection.program("count_packets")?, &socket)?;

    let senders = Senders::new()?;
    println!("Listening on loopback, and sending packets to ourselves.\n");
    println!("{:>9}  {:<10} {:>6} {:>6}", "time", "protocol", "port", "bytes");
    let mut ring = RingBuffer::new(collection.map("events")?)?;
    let events = thread::scope(|scope| {
        let sending = scope.spawn(|| senders.send());
        let mut show = Show::default();
        while !sending.is_finished() {
            ring.wait(Some(Duration::from_millis(50)))?;
            show.events(&mut ring)?;
        }
        // What was sent last may not have been received yet.
        while ring.wait(Some(Duration::from_millis(100)))? {
            show.events(&mut ring)?;
        }
        sending.join().map_err(|_| anyhow::anyhow!("the sender failed"))??;
        anyhow::Ok(show.count)
    })?;
    drop(link);

    println!("\n{:<10} {:>6} {:>8} {:>9}  to", "protocol", "port", "packets", "bytes");
    let flows = collection.map("flows")?.typed::<Flow, Traffic>()?;
    let mut flows = flows.iter().collect::<Result<Vec<_>, _>>()?;
    flows.sort_by_key(|(flow, traffic)| {
        (std::cmp::Reverse(traffic.bytes), flow.protocol, flow.port.get())
    });
    for (flow, traffic) in &flows {
        println!(
            "{:<10} {:>6} {:>8} {:>9}  {}",
            flow.protocol(),
            flow.port(),
            traffic.packets,
            traffic.bytes,
            senders.owner(*flow),
        );
    }
    let total = collection.map("total")?.per_cpu::<u32, Traffic>()?.get(&0)?;
    let total = total.context("the map of totals is empty")?;
    let packets: u64 = total.iter().map(|cpu| cpu.packets).sum();
    let bytes: u64 = total.iter().map(|cpu| cpu.bytes).sum();
    let lost: u64 = collection.variable("lost")?.get()?;
    println!("{:<10} {:>6} {packets:>8} {bytes:>9}", "all", "");
    println!("\n{events} events came through the ring buffer, {lost} were lost.");
    anyhow::ensure!(packets > 0, "no packet was seen");
    anyhow::ensure!(events.saturating_add(lost) >= packets, "events are missing");
    Ok(())
}

/// Prints events as they come.
#[derive(Debug, Default)]
struct Show {
    start: Option<u64>,
    count: u64,
}

impl Show {
    fn events(&mut self, ring: &mut RingBuffer) -> Result<()> {
        for sample in &ring.batch()? {
            let event: Event = sample.to().context("an event of another size")?;
            let start = *self.start.get_or_insert(event.time_ns);
            let micros = event.time_ns.saturating_sub(start) / 1000;
            println!(
                "{:>6}.{:01} ms  {:<10} {:>4} {:>6}",
                micros / 1000,
                micros % 1000 / 100,
                event.flow.protocol(),
                event.flow.port(),
                event.length,
            );
            self.count = self.count.saturating_add(1);
        }
        Ok(())
    }
}

/// Sockets of this process that talk to each other over loopback.
#[derive(Debug)]
struct Senders {
    tcp: TcpListener,
    udp: UdpSocket,
    udp_v6: Option<UdpSocket>,
    client: UdpSocket,
    closed: SocketAddr,
}

impl Senders {
    fn new() -> Result<Self> {
        let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);
        // A port that was free a moment ago; a packet to it comes back as ICMP.
        let closed = UdpSocket::bind(v4)?.local_addr()?;
        Ok(Self {
            tcp: TcpListener::bind(v4)?,
            udp: UdpSocket::bind(v4)?,
            // A machine may have no IPv6.
            udp_v6: UdpSocket::bind(v6).ok(),
            client: UdpSocket::bind(v4)?,
            closed,
        })
    }

    fn send(&self) -> Result<()> {
        let pause = || thread::sleep(Duration::from_millis(30));
        for size in [16, 400, 1200] {
            self.client.send_to(&vec![0x55; size], self.udp.local_addr()?)?;
            pause();
        }
        if let Some(v6) = &self.udp_v6 {
            for size in [100, 200] {
                v6.send_to(&vec![0x66; size], v6.local_addr()?)?;
                pause();
            }
        }
        self.client.send_to(b"is anybody there?", self.closed)?;
        pause();
        let mut client = TcpStream::connect(self.tcp.local_addr()?)?;
        let (mut server, _) = self.tcp.accept()?;
        for size in [100, 3000] {
            client.write_all(&vec![0x77; size])?;
            server.read_exact(&mut vec![0; size])?;
            server.write_all(b"thank you")?;
            client.read_exact(&mut [0; 9])?;
            pause();
        }
        Ok(())
    }

    /// Who listens on the port of a flow.
    fn owner(&self, flow: Flow) -> &'static str {
        let port = flow.port.get();
        let is = |address: std::io::Result<SocketAddr>| address.is_ok_and(|a| a.port() == port);
        match flow.protocol {
            6 if is(self.tcp.local_addr()) => "our TCP server",
            6 => "a TCP client",
            17 if is(self.udp.local_addr()) => "our UDP receiver",
            17 if port == self.closed.port() => "nobody: answered by ICMP",
            17 if self.udp_v6.as_ref().is_some_and(|udp| is(udp.local_addr())) => {
                "our UDP receiver"
            }
            17 => "a UDP socket",
            _ => "the network stack",
        }
    }
}
