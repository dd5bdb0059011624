//! A day of a cluster that is held to two leases, compressed. The landlord fills all that is idle, the tenants come and go,
//! one lease grows and the other ends at midnight, at the end of a month; and everybody who takes part is killed. Then
//! Slurm's own record says what happened, and Leasehold has to say and to bill the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use leasehold_clusters::slurm::emulated::{Daemon, Options};
use leasehold_clusters::slurm::hostlist;
use leasehold_fixtures::File;

use crate::clock::{self, Clock};
use crate::record::{self, Run};
use crate::stage::{GUEST, OWNER, Plant, RENTER, Server, Stage, await_or, await_so, lease_by_use};
use crate::yard::Yard;
use crate::{booked, proof};

/// Four racks of three. Each of the two leases has one, and one of them two in the end.
const PLANT: Plant = Plant { racks: 4, nodes_per_rack: 3, turnover_seconds: 1 };
const HELD: usize = 3;
const HELD_THEN: usize = 6;
const NODES: usize = 12;
const RENTED: &str = "leasehold_of-renter@a";
const LODGED: &str = "leasehold_of-guest@a";
const OWN: &str = "leasehold_own+a";

/// Seconds from the first step to midnight. A machine that takes longer for what comes before does the rest of it after.
const BEFORE_MIDNIGHT: i64 = 110;
/// The reclaim bound of both leases, in seconds.
const BOUND: u64 = 60;

const USERS: &str = "[[party]]\nid = \"owner\"\nusers = [\"games\"]\n[[party]]\nid = \"renter\"\nusers = [\"man\"]\n\
    [[party]]\nid = \"guest\"\nusers = [\"lp\"]\n";

const WHOLE: &str = "--gres=gpu:8";

/// A day as it goes on.
struct Day {
    server: Option<Server>,
    stage: Stage,
    yard: Yard,
    clock: Clock,
    _sweep: clock::Sweep,
    midnight: i64,
    crashes: u32,
    /// Seconds in which Slurm itself was away.
    away: u64,
}

#[test]
fn what_is_booked_and_billed_is_what_slurm_has_on_record_and_what_leases_promise_was_kept() {
    let Some((clock, midnight)) = Clock::before_month_end(BEFORE_MIDNIGHT) else { return };
    let Some(mut day) = Day::new(clock, midnight) else { return };
    day.leases_are_carried_out();
    day.borrowers_make_room();
    day.slurmctld_dies();
    day.slurmdbd_dies();
    day.it_strikes_midnight();
    day.a_node_fails();
    day.all_is_as_slurm_has_it();
}

impl Day {
    fn new(clock: Clock, midnight: i64) -> Option<Self> {
        let racks = 1..=PLANT.racks;
        let node =
            |rack: u32| (1..=PLANT.nodes_per_rack).map(move |n| format!("a-01-{rack:02}-{n}"));
        let yard = Yard::new(&racks.flat_map(node).collect::<Vec<_>>());
        let options = Options {
            kill_wait_seconds: 2,
            prolog: Some(yard.prolog()),
            environment: clock.environment(),
            ..Options::default()
        };
        let mut stage = Stage::new("slurm-day", &PLANT, options)?;
        let (first, last) = (clock::day(midnight - 1)[..8].to_owned() + "01", clock::day(midnight));
        let ramp = format!(
            "[[capacity.ramp]]\nfrom = {first}\namount = \"1 rack\"\nfee = \"50%\"\n\
             [[capacity.ramp]]\nfrom = {last}\namount = \"2 rack\"\nfee = \"100%\"\n"
        );
        stage.write("renter.toml", &lease(RENTER, &first, ("2 rack", &ramp), "2.50"));
        stage.write("guest.toml", &lease(GUEST, &first, ("1 rack", ""), "3.10"));
        stage.leases = vec!["renter.toml", "guest.toml"];
        stage.write("slurm.toml", USERS);
        let server = None;
        let _sweep = clock::Sweep;
        Some(Self { server, stage, yard, clock, _sweep, midnight, crashes: 0, away: 0 })
    }

    /// How all stands, for whoever reads why a test failed.
    fn standing(&self) -> String {
        let mut text = self.stage.log();
        let queue = ["-r", "-o", "%i %a %T %r %S %e %N %v"];
        for (program, arguments) in
            [("squeue", &queue[..]), ("sinfo", &["-N"]), ("scontrol", &["-o", "show", "res"])]
        {
            let told = self.stage.cluster.run(program, arguments);
            text += &told.unwrap_or_else(|error| error.to_string());
        }
        let seen = self.server.as_ref().map(|server| server.get("/cluster").to_string());
        text + &seen.unwrap_or_default()
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The server is killed as by a power cut, and started again.
    fn crash(&mut self) {
        self.server.take().unwrap().kill();
        self.crashes += 1;
        self.server = Some(self.stage.serve("--enforce"));
    }

    fn submit(&self, account: &str, arguments: &[&str], seconds: u32) -> u32 {
        self.stage.submit(account, arguments, &self.yard.work(account, seconds))
    }

    /// Waits until a tenant has so many jobs left, or none that its lease may have.
    fn await_left(&self, account: &str, count: usize) {
        let is_so = || {
            let is_over = account == GUEST && self.now() >= self.midnight;
            is_over || self.stage.count(account, "PD,R,CG,CF,S") == count
        };
        await_or(is_so, || format!("{account} has {count} jobs left\n{}", self.standing()));
    }

    /// On the day before, notice is given: then the guest's last day is the one that begins.
    fn leases_are_carried_out(&mut self) {
        let server = self.stage.serve_by("--observe", &self.clock.the_day_before().environment());
        server.post("/leases/of-guest/notice", r#"{"by":"landlord"}"#);
        server.stop();
        let server = self.stage.serve("--enforce");
        await_so("all is as wanted", || server.compared()["differences"] == 0);
        assert_eq!(self.stage.reserved(RENTED).len(), HELD, "{}", self.stage.log());
        assert_eq!(self.stage.reserved(LODGED).len(), HELD);
        self.server = Some(server);
        self.submit(OWNER, &[WHOLE, "--array=1-16"], 100_000);
        self.submit(OWNER, &["--gres=gpu:1", "--array=1-6"], 100_000);
        self.await_full();
    }

    /// The landlord's jobs are wherever they may be.
    fn await_full(&self) {
        await_or(
            || {
                let count = self.stage.count(OWNER, "R");
                count != usize::MAX && count >= NODES
            },
            || format!("the landlord fills the site\n{}", self.standing()),
        );
    }

    /// Gangs, arrays and jobs of one GPU, each more than is idle.
    fn borrowers_make_room(&mut self) {
        self.submit(RENTER, &[WHOLE, "--nodes=3"], 3);
        self.crash();
        self.await_left(RENTER, 0);
        self.submit(RENTER, &[WHOLE, "--array=1-3"], 2);
        self.submit(GUEST, &["--gres=gpu:1", "--array=1-10"], 4);
        self.submit(GUEST, &[WHOLE], 2);
        self.crash();
        self.await_left(RENTER, 0);
        self.await_left(GUEST, 0);
    }

    /// Waits until nothing moves and slurmctld has written its state. It does so 5 s after a change, and one that is killed
    /// before takes up jobs that are over.
    fn await_written(&self, job: u32) {
        await_or(
            || self.busy().len() == NODES,
            || format!("the site is full\n{}", self.standing()),
        );
        let since = SystemTime::now();
        let words = ["update", &format!("jobid={job}"), "comment=to be written"];
        self.stage.slurm("scontrol", &words);
        let state = self.stage.cluster.directory().join("state/job_state");
        await_so("slurmctld has written its state", || {
            let written = std::fs::metadata(&state).and_then(|file| file.modified());
            written.is_ok_and(|written| written > since)
        });
    }

    /// Nodes on which jobs run.
    fn busy(&self) -> BTreeSet<String> {
        let told = self.stage.slurm("squeue", &["-h", "-t", "R", "-o", "%N"]);
        told.lines().flat_map(|nodes| hostlist::expand(nodes).unwrap()).collect()
    }

    fn slurmctld_dies(&mut self) {
        let job = self.submit(RENTER, &[WHOLE, "--nodes=2"], 15);
        self.stage.await_count(RENTER, "R", 1);
        self.await_written(job);
        let since = self.now();
        self.stage.cluster.kill(&Daemon::Controller).unwrap();
        self.server.take().unwrap().kill();
        self.crashes += 1;
        self.stage.cluster.start_again(&Daemon::Controller).unwrap();
        self.server = Some(self.stage.serve("--enforce"));
        self.away += u64::try_from(self.now() - since).unwrap();
        self.await_left(RENTER, 0);
    }

    /// What happens meanwhile is on record later.
    fn slurmdbd_dies(&mut self) {
        self.stage.cluster.kill(&Daemon::Accounting).unwrap();
        self.submit(RENTER, &[WHOLE], 2);
        self.submit(GUEST, &[WHOLE, "--array=1-2"], 2);
        self.await_left(RENTER, 0);
        self.crash();
        self.submit(RENTER, &["--gres=gpu:4", "--array=1-2"], 2);
        self.await_left(RENTER, 0);
        self.await_left(GUEST, 0);
        self.stage.cluster.start_again(&Daemon::Accounting).unwrap();
    }

    /// One lease grows, the other is over. The server is not there when it strikes.
    fn it_strikes_midnight(&mut self) {
        self.submit(RENTER, &[WHOLE], 100_000);
        self.stage.await_count(RENTER, "R", 1);
        self.submit(GUEST, &[WHOLE], 100_000);
        await_so("it is nearly midnight", || self.now() >= self.midnight - 1);
        self.crash();
        await_or(
            || self.stage.reserved(RENTED).len() == HELD_THEN,
            || format!("the lease has grown\n{}", self.standing()),
        );
        await_so("the guest is gone", || {
            let there = self.stage.slurm("scontrol", &["-o", "show", "reservation"]);
            !there.contains(LODGED) && self.stage.count(GUEST, "R,CG") == 0
        });
        let limits = ["-n", "-P", "show", "qos", "leasehold_guest", "format=grptres"];
        assert_eq!(self.stage.slurm("sacctmgr", &limits).trim(), "gres/gpu=0");
        self.submit(RENTER, &[WHOLE, "--nodes=5"], 3);
        self.crash();
        self.await_left(RENTER, 1);
    }

    /// A node dies under a tenant's job, another one stands in, and it comes back.
    fn a_node_fails(&mut self) {
        let on = |stage: &Stage| {
            let told = stage.slurm("squeue", &["-h", "-A", RENTER, "-t", "R", "-o", "%N"]);
            told.trim().to_owned()
        };
        // Somebody changes what Leasehold made.
        await_so("all is as wanted", || self.server().compared()["differences"] == 0);
        let seven = ["-i", "-Q", "modify", "qos", "leasehold_guest", "set", "grptres=gres/gpu=7"];
        self.stage.slurm("sacctmgr", &seven);
        let failed = on(&self.stage);
        self.stage.cluster.kill(&Daemon::Node(failed.clone())).unwrap();
        let node = format!("nodename={failed}");
        self.stage.slurm("scontrol", &["update", &node, "state=down", "reason=dead"]);
        await_or(
            || {
                let held = self.stage.reserved(RENTED);
                held.len() == HELD_THEN && !held.contains(&failed)
            },
            || format!("another node stands in\n{}", self.standing()),
        );
        await_so("the job runs on another node", || {
            let now = on(&self.stage);
            !now.is_empty() && now != failed
        });
        self.stage.cluster.start_again(&Daemon::Node(failed.clone())).unwrap();
        for account in [RENTER, OWNER] {
            self.stage.slurm("scancel", &["--quiet", "-A", account]);
        }
        await_or(
            || self.stage.reserved(RENTED).contains(&failed),
            || format!("it is back in its holding\n{}", self.standing()),
        );
        let drifts = self.server().get("/cluster")["drifts"].clone();
        let [drift] = drifts.as_array().unwrap().as_slice() else { panic!("one: {drifts}") };
        assert_eq!(drift["object"], "qos leasehold_guest");
        assert!(drift["mended"].is_string(), "{drift}");
    }

    fn all_is_as_slurm_has_it(&mut self) {
        self.stage.slurm("scancel", &["--quiet", "-A", GUEST]);
        self.stage.await_record();
        // Once more, so that all that is on record is read again.
        self.crash();
        for account in [OWNER, RENTER, GUEST] {
            self.stage.await_count(account, "PD,R,CG,CF,S", 0);
            await_so(&format!("all jobs of {account} are over\n{}", self.stage.log()), || {
                let jobs = self.server().jobs(&self.stage, account);
                jobs.iter().all(|job| job["ended"].is_string())
            });
        }
        let seen = self.server().compared();
        let (ran, unstarted) = record::over(&self.stage);
        let said = booked::otherwise(&seen);
        self.promises_were_kept(&ran, &unstarted);
        self.bills_follow(&ran, &said);
        self.server.take().unwrap().stop();
        booked::assert_equal(&ran, booked::runs(&self.stage), &said);
        assert_eq!(self.crashes, 7);
        self.report(&ran, &said);
    }

    fn promises_were_kept(&self, ran: &[Run], unstarted: &[Run]) {
        let reserved = record::reservations(&self.stage);
        let until = u64::try_from(self.midnight).unwrap();
        let promise = |account, reservation, until| proof::Promise {
            account,
            reservation,
            bound: BOUND,
            until,
            away: self.away,
        };
        proof::assert_apart(ran);
        proof::assert_kept(ran, unstarted, &reserved, &promise(RENTER, RENTED, u64::MAX / 2));
        proof::assert_kept(ran, unstarted, &reserved, &promise(GUEST, LODGED, until));
        proof::assert_borrowers(ran, OWNER, &[OWN, RENTED, LODGED]);
        assert!(self.yard.assert_scrubbed() > 12, "nodes changed hands");
    }

    /// The month's invoices, derived again from what sacct has, and the meter after that.
    fn bills_follow(&self, ran: &[Run], said: &BTreeMap<booked::Key, (u64, u64)>) {
        let midnight = u64::try_from(self.midnight).unwrap();
        let month = &clock::day(self.midnight - 1)[..7];
        // What is said not to be booked is not billed; each such run lies on one side of midnight.
        let billed = |account: &str, from: u64, until: u64| -> u64 {
            let whole = |seconds: u64| i64::try_from(seconds).unwrap();
            let own = ran.iter().filter(|run| run.account == account);
            let sum: i64 = own
                .map(|run| {
                    let key = run.start.map(|start| (run.job.clone(), start));
                    let less = key.and_then(|key| said.get(&key));
                    let less = less.map_or(0, |(record, booked)| whole(*record) - whole(*booked));
                    let is_its_side = (run.end > midnight) == (until > midnight);
                    let seconds = run.gpu_seconds_in(from, until);
                    whole(seconds) - if is_its_side { less } else { 0 }
                })
                .sum();
            u64::try_from(sum).unwrap()
        };
        for (account, lease, cents) in [(RENTER, "of-renter", 250), (GUEST, "of-guest", 310)] {
            let (before, after) =
                (billed(account, 0, midnight), billed(account, midnight, u64::MAX));
            assert!(before > 0, "{account} worked");
            let server = self.server();
            assert_eq!(server.used_in(lease, Some(month)), before, "{lease} in {month}\n{said:?}");
            assert_eq!(server.used_in(lease, None), after, "{lease} after midnight\n{said:?}");
            let invoices = server.get("/invoices");
            let all = invoices["documents"].as_array().unwrap();
            let own: Vec<_> = all.iter().filter(|one| one["lease"] == lease).collect();
            let [invoice] = own.as_slice() else { panic!("one invoice: {invoices}") };
            assert_eq!(invoice["total"], amount(before, cents), "{lease} in {month}");
        }
    }

    #[expect(clippy::print_stderr, reason = "figures for whoever wants them")]
    fn report(&self, ran: &[Run], said: &BTreeMap<booked::Key, (u64, u64)>) {
        let put_back = ran.iter().filter(|run| run.state.starts_with("REQUEUED")).count();
        eprintln!(
            "{} runs compared, {put_back} of them put back; {} said to be booked otherwise: {said:?}; {} crashes",
            ran.len(),
            said.len(),
            self.crashes
        );
    }
}

/// GPU-seconds at so many cents an hour, rounded half to even.
fn amount(gpu_seconds: u64, cents: u64) -> String {
    let (whole, rest) = (gpu_seconds * cents / 3_600, gpu_seconds * cents % 3_600);
    let up = rest > 1_800 || rest == 1_800 && whole % 2 == 1;
    let cents = whole + u64::from(up);
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A lease on racks, paid by use.
fn lease(tenant: &str, first: &str, (racks, ramp): (&str, &str), price: &str) -> File {
    lease_by_use(tenant)
        .set("signed", first)
        .set("term.start", first)
        .set("notice.days", 1)
        .set("capacity.amount", format_args!("'{racks}'"))
        .set("fee.usage.price", format_args!("'{price}'"))
        .set("service.reclaim_within", format_args!("'{BOUND} s'"))
        .and(ramp)
}
