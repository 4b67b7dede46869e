//! Every bound by name: queues, batches, bodies, retries, time-outs. A number that limits something stands here.

use std::time::Duration;

pub const KB: u64 = 1 << 10;
pub const MB: u64 = 1 << 20;
pub const GB: u64 = 1 << 30;

// Store.
/// Closures in one group commit.
pub const GROUP_MAX: usize = 256;
/// A group commit is closed after this long, even if more callers wait.
pub const GROUP_TIME: Duration = Duration::from_millis(60);
/// Page cache of the writing connection and of each reader, in KiB.
pub const WRITER_CACHE_KIB: i64 = 48 * 1024;
pub const READER_CACHE_KIB: i64 = 8 * 1024;
pub const READERS: usize = 4;
/// How long a read waits for a free reader.
pub const READER_WAIT: Duration = Duration::from_secs(30);
pub const BOOKS_BUSY: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
pub const BOOKS_STATEMENTS: usize = 256;
/// Pages in the write-ahead log at which it is moved into the main file (16 MB).
pub const WAL_PAGES: usize = 4000;
/// Length to which the log's file is cut back when it starts anew.
pub const WAL_KEEP: u64 = 64 * MB;
/// Above this length of the write-ahead log a snapshot is given up by name and retried.
pub const WAL_MAX: u64 = GB;
/// Cache of one open journal file. A ledger is worked through from its first row to its last, so that a larger one is
/// no faster; it only lets the memory of a run grow with its recipients until it is full.
pub const JOURNAL_CACHE: usize = 2 << 20;
/// Journal files kept open though nobody uses them.
pub const JOURNAL_OPEN: usize = 8;
/// Longest part of a dumped journal file, and the step in which a snapshot copies.
pub const DUMP_PART: usize = 4 << 20;
pub const COPY_STEP: usize = 1 << 20;
/// Plaintext bytes in one sealed chunk of a blob or of the spool.
pub const SPOOL_CHUNK: usize = 64 << 10;

// Keys.
/// A key command that has not ended by then is stopped.
pub const KEY_COMMAND_TIME: Duration = Duration::from_secs(30);
/// Bytes read of a key file, a credential, a passphrase or a command's output.
pub const KEY_TEXT_MAX: usize = 4 << 10;
pub const PASSPHRASE_LEAST: usize = 12;
// House, worker and command line.
/// Rows in one page of a list that a person or script asks for.
pub const PAGE_MAX: usize = 1000;
/// One frame on the control socket.
pub const WIRE_FRAME_MAX: usize = 8 << 20;
/// Bytes of a file in one frame.
pub const WIRE_CHUNK: usize = 256 << 10;
/// Calls on the control socket at the same time.
pub const CONTROL_CALLS: usize = 16;
/// A command waits this long for a lock or an answer before it says "busy".
pub const BUSY_WAIT: Duration = Duration::from_millis(1500);
/// Progress frames and lines come no closer than this.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How often the clock asks what is due.
pub const CLOCK_TICK: Duration = Duration::from_secs(1);
// Door.
/// So long a request waits at a held gate, and so many wait at once.
pub const HOLD_TIME: Duration = Duration::from_secs(30);
pub const HELD_MAX: usize = 4_000;
/// How often it is looked whether the last request has gone.
pub const DRAIN_STEP: Duration = Duration::from_millis(1);
/// An order of a certificate in all, one request of it, and the longest answer to one.
pub const ACME_TIME: Duration = Duration::from_secs(300);
pub const ACME_REQUEST: Duration = Duration::from_secs(30);
pub const ACME_ANSWER: usize = 256 << 10;
/// After a failed order, doubling; and how often it is looked whether one is due.
pub const ACME_REST: Duration = Duration::from_secs(60);
pub const ACME_REST_MAX: Duration = Duration::from_secs(24 * 3600);
pub const ACME_LOOK: Duration = Duration::from_secs(3600);
/// Door and worker tell each other that they live. A worker not heard for so long counts as dead; a door that is silent
/// for so long, though its link is there, is no door any more.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);
pub const BEAT_LOST: Duration = Duration::from_secs(10);
pub const DOOR_LOST: Duration = Duration::from_secs(60);
/// A worker none of whose web threads got free for so long, or whose clock stands still for so long, does not say that
/// it lives.
pub const WORKER_STUCK: Duration = Duration::from_secs(60);
/// A first worker that dies without a word is tried so often.
pub const FIRST_STARTS: u32 = 3;
/// A worker whose link has ended may need a moment to be gone.
pub const LAST_WORDS: Duration = Duration::from_secs(2);
/// Access lines in one message to the worker, and waiting while there is none: in memory, or as bytes of a sealed file
/// (as many, more or less).
pub const ACCESS_PER_WORD: usize = 1_000;
pub const ACCESS_WAITING: usize = 100_000;
pub const ACCESS_FILE_MAX: u64 = 24 * MB;
/// A worker has so long to come to rest, and to close.
pub const QUIESCE_TIME: Duration = Duration::from_secs(30);
pub const CLOSE_TIME: Duration = Duration::from_secs(10);
/// Those inside are waited for so long when the door closes.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Pauses before a dead worker is started again: the first, second … in a row. The last one and a start stay below
/// `HOLD_TIME`: whoever comes meanwhile is answered by the next worker.
pub const RESTART_PAUSES: &[Duration] = &[
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];
/// A worker that lived so long begins a new row.
pub const LIVED_WELL: Duration = Duration::from_secs(60);
/// Without a worker for so long, the watchdog of the system is not told any more that all is well.
pub const OUTAGE_MAX: Duration = Duration::from_secs(300);
/// A worker whose door has died may still be closing its stores: so long the next one waits for it.
pub const ORPHAN_WAIT: Duration = Duration::from_secs(15);
/// Access lines are kept for so long, a file per month.
pub const ACCESS_KEPT: Duration = Duration::from_secs(365 * 24 * 3600);
// The trial of a release: how long each stage may take. While requests are held, all that green may take together with
// one fresh start of blue stays below `HOLD_TIME`.
pub const TRIAL_KEEP: Duration = Duration::from_secs(5);
pub const TRIAL_WARM: Duration = Duration::from_secs(15);
/// The worker itself gives up after 30 s and names what is in doubt.
pub const TRIAL_QUIESCE: Duration = Duration::from_secs(35);
/// Whoever has been inside for so long is waited for before requests are held; looked at so often.
pub const TRIAL_LONG: Duration = Duration::from_millis(500);
pub const TRIAL_CALM_LOOK: Duration = Duration::from_millis(10);
pub const TRIAL_DRAIN: Duration = Duration::from_secs(3);
pub const TRIAL_CLOSE: Duration = Duration::from_secs(5);
pub const TRIAL_OPEN: Duration = Duration::from_secs(10);
pub const TRIAL_CHECK: Duration = Duration::from_secs(5);
pub const TRIAL_KILL: Duration = Duration::from_secs(5);
/// How often green is looked at in probation, how soon again after a fault, and how many looks in a row may find one.
pub const TRIAL_LOOK: Duration = Duration::from_secs(10);
pub const TRIAL_LOOK_AGAIN: Duration = Duration::from_secs(1);
pub const TRIAL_FAULTS: u32 = 3;
/// Before blue's program is started once more when it did not come up; doubled each time.
pub const TRIAL_REST: Duration = Duration::from_millis(500);
pub const TRIAL_REST_MAX: Duration = Duration::from_secs(30);
/// The file of a running trial, and the id of one.
pub const TRIAL_FILE_MAX: u64 = MB;
pub const TRIAL_ID_MAX: usize = 64;
/// Trials whose end is told to whoever asks for it.
pub const TRIALS_TOLD: usize = 16;
/// Probation unless somebody says otherwise, the shortest that a page offers, and the longest that can be asked for.
pub const PROBATION: Duration = Duration::from_secs(600);
pub const PROBATION_LEAST: Duration = Duration::from_secs(60);
pub const PROBATION_MAX: Duration = Duration::from_secs(24 * 3600);
// A door in the place of another.
/// The next door has so long until all that can fail is done, the worker to say its last word to the old one, and the
/// next door to speak and to listen.
pub const SUCCESSOR_PREPARE: Duration = Duration::from_secs(10);
pub const SUCCESSOR_TURN: Duration = Duration::from_secs(3);
pub const SUCCESSOR_TAKE: Duration = Duration::from_secs(5);
/// A worker keeps silent between two doors for at most so long: longer than both of the last two together.
pub const TURN_HUSH: Duration = Duration::from_secs(9);
/// Descriptors that go from one door to the next in one message.
pub const HANDED_DESCRIPTORS: usize = 64;
/// A door that was replaced serves its last connection for at most so long: one request, and the rest before it.
pub const LINGER_MAX: Duration = Duration::from_secs(32 * 60);
/// A door that is told to be done has so long until the last answer, and so long to be gone.
pub const LINGER_DONE: Duration = Duration::from_secs(8);
/// How often it is looked whether the last one has gone.
pub const LINGER_LOOK: Duration = Duration::from_millis(100);
/// When the door of the day has ended, its children are waited for so long.
pub const ANCHOR_WAIT: Duration = Duration::from_secs(15);
/// One line between door and worker.
pub const LINK_LINE_MAX: usize = 4 << 20;
/// Threads of the half that meets the network, where there are so many processors.
pub const FRONT_THREADS: usize = 4;
/// Threads that write long bodies to disk, made when they are needed.
pub const FRONT_WRITERS: usize = 8;
/// Connections from outside at once, in all and from one address (an IPv6 network of 64 bits counts as one).
pub const CONNECTIONS_MAX: usize = 16_384;
pub const PER_ADDRESS: usize = 100;
/// Descriptors that are kept for everything but connections, and the pause when there are none left after all.
pub const DESCRIPTORS_KEPT: u64 = 512;
pub const DESCRIPTORS_REST: Duration = Duration::from_millis(50);
/// Connections that the system may hold for us before we take them.
pub const BACKLOG: i32 = 4_096;
/// Requests in a second from one address and with one token, and how many may come at once.
pub const RATE_ADDRESS: u32 = 200;
pub const RATE_ADDRESS_BURST: u32 = 400;
pub const RATE_TOKEN: u32 = 20;
pub const RATE_TOKEN_BURST: u32 = 40;
/// Sets of four addresses or tokens that are counted; beyond that the calmest of a set is forgotten.
pub const RATE_SETS: usize = 1 << 14;
/// The head of a request: bytes, and the time from its first byte to its last.
pub const HEAD_MAX: usize = 16 << 10;
pub const HEAD_TIME: Duration = Duration::from_secs(10);
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A kept connection without a request ends after this; after the shorter time when half of all places are taken.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
pub const KEEP_ALIVE_CROWDED: Duration = Duration::from_secs(5);
/// With more connections than this, those that rest keep nothing but their socket.
pub const CONNECTIONS_WARM: usize = 256;
/// A reader who takes nothing for so long has gone.
pub const WRITE_STALL: Duration = Duration::from_secs(30);
/// From the first byte of a request to the last of its answer.
pub const REQUEST_TIME: Duration = Duration::from_secs(30 * 60);
/// A body comes at least this fast on average, once the grace is over.
pub const BODY_RATE: u64 = KB;
pub const BODY_GRACE: Duration = Duration::from_secs(20);
/// So much of a form's body is waited for before the request is looked at.
pub const BODY_FIRST: u64 = 4 * KB;
/// Longer bodies wait in the sealed spool, and so do all when bodies in memory reach this sum.
pub const BODY_KEPT: usize = 1 << 20;
pub const BODIES_KEPT: usize = 64 << 20;
/// Bodies in the spool at once, and the age at which a file there belongs to nobody any more.
pub const DOOR_SPOOLS: usize = 64;
pub const DOOR_SPOOL_AGE: Duration = Duration::from_secs(60 * 60);
/// Answers up to this are read from the worker whole, so that a slow reader holds up no switch; not when they reach
/// this sum.
pub const ANSWER_KEPT: usize = 1 << 20;
pub const ANSWERS_KEPT: usize = 64 << 20;
/// Requests at the worker at once (each costs it a thread), and connections to it that wait for the next.
pub const RELAYS: usize = 128;
pub const RELAYS_IDLE: usize = 64;
/// A new connection to the worker is answered on by then, or another one is tried.
pub const RELAY_PROOF: Duration = Duration::from_secs(3);
/// A worker that cannot be reached is tried again after this.
pub const RELAY_PAUSE: Duration = Duration::from_millis(50);
/// What a client who is turned away is told to wait, in seconds.
pub const RETRY_AFTER: u32 = 5;
/// After an early answer this much is still read, so long and with no longer rests, so that the client gets to read it.
pub const LINGER_BYTES: u64 = 64 * MB;
pub const LINGER_TIME: Duration = Duration::from_secs(30);
pub const LINGER_REST: Duration = Duration::from_secs(2);
/// HTTP/2: requests at once on one connection, and bytes on their way to us.
pub const H2_STREAMS: u32 = 100;
pub const H2_WINDOW: u32 = 64 << 10;
pub const H2_CONNECTION_WINDOW: u32 = 256 << 10;
/// Access lines that wait for the worker; more are counted and dropped. They leave after a time, or when there are many.
pub const ACCESS_QUEUE: usize = 16_384;
pub const ACCESS_BATCH: usize = 1_000;
pub const ACCESS_EVERY: Duration = Duration::from_secs(1);
/// Characters of a path in an access line.
pub const ACCESS_PATH: usize = 200;
/// How often the certificate's files are looked at, and the most that is read of one.
pub const CERTIFICATE_EVERY: Duration = Duration::from_secs(5);
pub const CERTIFICATE_MAX: u64 = MB;
/// A certificate of our own making is valid for so long, and made anew when it has so long left.
pub const SELF_SIGNED_DAYS: i64 = 820;
pub const SELF_SIGNED_LEFT_DAYS: i64 = 90;
/// The longest PROXY header that is read.
pub const PROXY_HEADER_MAX: usize = 4 << 10;
// Update.
/// Characters of a version.
pub const VERSION_MAX: usize = 64;
/// Bytes of a program, unpacked or packed.
pub const PROGRAM_MAX: u64 = 512 * MB;
/// Bytes of a keys document, of a manifest, and of the notes of one language in it.
pub const KEYS_DOCUMENT_MAX: usize = 64 << 10;
pub const MANIFEST_MAX: usize = 64 << 10;
pub const NOTES_MAX: u64 = 16 * KB;
/// Keys of one kind that a vendor makes.
pub const RELEASE_KEYS: usize = 16;
/// So long a keys document and a release may be used unless the vendor says otherwise, in days.
pub const KEYS_DAYS: u32 = 730;
pub const RELEASE_DAYS: u32 = 180;
/// A program that is asked for its version answers within this.
pub const VERSION_TIME: Duration = Duration::from_secs(20);
/// The first half of a bundle: both of these with what is around them. So much is read before anything is known.
pub const BUNDLE_HEAD_MAX: usize = 160 << 10;
/// So far a machine's clock may be behind the one that a release was made by.
pub const CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);
/// Releases of a source that are looked at, newest first.
pub const RELEASES_LOOKED_AT: usize = 8;
/// A download has this long to begin; from then on it must not fall below so many bytes a second.
pub const FETCH_GRACE: Duration = Duration::from_secs(20);
pub const FETCH_LEAST_SPEED: u64 = 4 * KB;
/// One read from a source, and all of one download.
pub const FETCH_STALL: Duration = Duration::from_secs(30);
pub const FETCH_TIME: Duration = Duration::from_secs(2 * 3600);
/// One page of a source's list, and files looked at in a folder.
pub const LISTING_MAX: u64 = 3 * MB;
pub const RELEASE_FOLDER: usize = 10_000;
/// A new release has reported on a copy of the data within this, and in so many bytes.
pub const PREFLIGHT_TIME: Duration = Duration::from_secs(15 * 60);
pub const PREFLIGHT_REPORT: u64 = MB;
/// Slots kept beside the one that runs and the one to go back to.
pub const SLOTS_SPARE: usize = 1;
// Alarm.
/// One event is mailed at once, and then no sooner than this, with the count.
pub const ALARM_EVERY: Duration = Duration::from_secs(15 * 60);
/// An alarm that did not leave is tried again after these; the last one stays.
pub const ALARM_RETRIES: &[Duration] =
    &[Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(15 * 60)];
/// A step of the conversation with the relay, and the whole of it.
pub const ALARM_STEP: Duration = Duration::from_secs(20);
pub const ALARM_TIME: Duration = Duration::from_secs(90);
/// Events that wait for the mail before them.
pub const ALARM_QUEUE: usize = 64;
/// Attempts that are kept on file, and bytes read of that file and of the sealed settings.
pub const ALARMS_KEPT: usize = 50;
pub const ALARM_FILE_MAX: u64 = 256 * KB;
/// Another process writes down what became of an alarm in milliseconds.
pub const ALARM_LOCK_WAIT: Duration = Duration::from_secs(1);
/// Characters of a reason in an alarm.
pub const ALARM_REASON_MAX: usize = 400;
/// How deep a data folder goes.
pub const FOLDERS_DEEP: usize = 32;
// Access.
/// Argon2id: memory in KiB, passes, lanes (OWASP's second choice, also the library's default).
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1024;
pub const PASSWORD_PASSES: u32 = 2;
pub const PASSWORD_LANES: u32 = 1;
/// NIST SP 800-63B-4: at least 15 characters where the password is the only factor, at least 64 allowed.
pub const PASSWORD_MIN: usize = 15;
/// Set by somebody at the machine's own command line, who is told that it is short.
pub const PASSWORD_MIN_AT_THE_MACHINE: usize = 8;
pub const PASSWORD_MAX: usize = 256;
/// Wrong passwords before the waiting starts; then `GUESS_WAIT`, doubling up to `GUESS_WAIT_MAX`.
pub const GUESSES_FREE_ACCOUNT: u32 = 5;
pub const GUESSES_FREE_ADDRESS: u32 = 20;
pub const GUESS_WAIT: Duration = Duration::from_secs(120);
pub const GUESS_WAIT_MAX: Duration = Duration::from_secs(1800);
pub const GUESS_FORGET: Duration = Duration::from_secs(24 * 3600);
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
pub const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A session's last use is written down at most this often, so that idle time is known to the hour.
pub const SESSION_SEEN_EVERY: Duration = Duration::from_secs(3600);
pub const LINK_LIFE: Duration = Duration::from_secs(30 * 60);
pub const USER_NAME_MAX: usize = 100;
/// What still fits into a header on a phone, shortened.
pub const HOUSE_NAME_MAX: usize = 40;
pub const USERS_MAX: usize = 1000;

// Web.
pub const WEB_THREADS: usize = 8;
/// Open event streams; each holds a thread.
pub const WEB_STREAMS: usize = 32;
pub const WEB_HEARTBEAT: Duration = Duration::from_secs(15);
pub const WEB_STREAM_STEP: Duration = Duration::from_secs(1);
/// An event stream ends after this long; the browser comes back by itself.
pub const WEB_STREAM_LIFE: Duration = Duration::from_secs(600);
pub const FORM_MAX: u64 = 64 * KB;
pub const LONG_FORM_MAX: u64 = 2 * MB;
/// A longer body comes from the door as a sealed file in the spool.
pub const BODY_IN_MEMORY: u64 = MB;
/// Text fields of an upload together.
pub const UPLOAD_FIELDS_MAX: u64 = MB;
pub const UPLOAD_FILES: usize = 10;
pub const URL_MAX: usize = 8 << 10;
pub const HEADERS_MAX: usize = 100;
// Notices of updates.
/// People are told so long before.
pub const NOTICE_LEAD: Duration = Duration::from_secs(7 * 24 * 3600);
/// Updates of before that the expected wait is read from.
pub const NOTICE_PAST: usize = 10;
/// Updates that a page lists.
pub const UPDATES_SHOWN: usize = 50;
/// So long after it was handed over an update is shown as going on, though the door has not begun it yet.
pub const HANDED_WAIT: Duration = Duration::from_secs(30);
/// A bundle that is uploaded.
pub const BUNDLE_UPLOAD: u64 = 512 * MB;
/// What the door writes about a trial that runs.
pub const TRIAL_NOTES_MAX: u64 = MB;
// Contacts.
/// Characters of a segment, its conditions and values together, and how deep its brackets may go.
pub const SEGMENT_CHARS: usize = 4_000;
pub const SEGMENT_TERMS: usize = 300;
pub const SEGMENT_DEPTH: usize = 20;
/// A file that holds one address.
pub const ADDRESS_FILE: u64 = 4 * KB;
/// A list of addresses that an old system stopped, uploaded.
pub const SUPPRESSION_FILE: u64 = 256 * MB;
// Names.
/// A question to DNS, all its tries together, and one of these at a server that the settings name.
pub const DNS_TIME: Duration = Duration::from_secs(10);
pub const DNS_TRY: Duration = Duration::from_secs(3);
/// Answers kept, and how long the machine's own settings count before they are read anew.
pub const DNS_CACHE: u64 = 20_000;
pub const DNS_KEPT: Duration = Duration::from_secs(600);
/// Name servers that the settings may name.
pub const DNS_SERVERS: usize = 8;
/// Questions of one check of a domain, the rounds they are asked in, and the time for all of them.
pub const DNS_QUESTIONS: usize = 200;
pub const DNS_ROUNDS: usize = 20;
pub const DNS_CHECK: Duration = Duration::from_secs(20);
/// Addresses that mail leaves from, and domains that SPF includes.
pub const SOURCES_MAX: usize = 20;
/// What a domain that has keys publishes is looked at so often.
pub const DOMAINS_EVERY: Duration = Duration::from_secs(3600);
/// A DKIM key that signs no more stays published for so long.
pub const DKIM_OVERLAP: Duration = Duration::from_secs(14 * 24 * 3600);
// Delivery. The first seven are RFC 5321 4.5.3.2.
pub const SMTP_BANNER: Duration = Duration::from_secs(300);
pub const SMTP_MAIL: Duration = Duration::from_secs(300);
pub const SMTP_RCPT: Duration = Duration::from_secs(300);
pub const SMTP_DATA: Duration = Duration::from_secs(120);
pub const SMTP_BLOCK: Duration = Duration::from_secs(180);
pub const SMTP_DOT: Duration = Duration::from_secs(600);
pub const SMTP_COMMAND: Duration = Duration::from_secs(300);
pub const SMTP_CONNECT: Duration = Duration::from_secs(30);
/// A goodbye is a courtesy.
pub const SMTP_QUIT: Duration = Duration::from_secs(1);
/// Bounds of one reply.
pub const SMTP_REPLY_LINE: usize = 2 << 10;
pub const SMTP_REPLY_LINES: usize = 128;
/// Characters of a reply that a ledger keeps.
pub const REPLY_KEPT: usize = 240;
/// Connections of a run, and messages on one of them.
pub const CONNECTIONS: usize = 10;
pub const PER_CONNECTION: u32 = 500;
/// What an admin may set for a receiver.
pub const PER_CONNECTION_MAX: u32 = 10_000;
pub const PER_MINUTE_MAX: u32 = 1_000_000;
/// Connections to receivers at a time.
pub const DIRECT_CONNECTIONS: usize = 1_000;
/// Mail hosts of one domain that are tried, domains whose hosts are remembered, and how long.
pub const MX_HOSTS: usize = 8;
pub const MX_KNOWN: usize = 200_000;
pub const MX_KEPT: Duration = Duration::from_secs(600);
pub const MX_KEPT_UNKNOWN: Duration = Duration::from_secs(30);
/// So many receivers out of reach, and nobody reached: the way out is closed.
pub const NOBODY_REACHED: usize = 3;
/// Rows that wait in memory.
pub const WAITING_MAX: usize = 2_000_000;
/// Rows of a receiver that a person holds back are put off for so long at a time.
pub const HELD_LOOK: Duration = Duration::from_secs(900);
/// Urgent messages on their way at a time, and how often the lane looks for those that are due.
pub const URGENT_AT_ONCE: usize = 32;
pub const URGENT_LOOK: Duration = Duration::from_secs(1);
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY: usize = 200;
/// How long a lane stays for rows that may come, and how often the ledger is looked at for rows that are due.
pub const LANE_IDLE: Duration = Duration::from_secs(2);
pub const SORT_AGAIN: Duration = Duration::from_millis(500);
/// Rows that were put off together come back over this time.
pub const PUT_OFF_SPREAD: Duration = Duration::from_secs(60);
/// A letter older than this is asked for again before its first byte leaves.
pub const LETTER_FRESH: Duration = Duration::from_millis(250);
/// A recipient of a bulk run is given up after this.
pub const BULK_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Rows that one look at the ledger claims.
pub const CLAIM_PAGE: usize = 1_000;
/// Changes in one commit of a ledger.
pub const LEDGER_GROUP: usize = 4_096;
/// Threads that send, where there are so many processors; domains that DNS is asked about at a time.
pub const SENDING_THREADS: usize = 16;
pub const DNS_ASKS: usize = 500;
/// Refusals of our MAIL FROM for now, one after another, before the run takes a rest, and how long that is.
pub const MAIL_DEFERRALS: u32 = 20;
pub const RELAY_REST: Duration = Duration::from_secs(30);
/// Refusals of the message with the same answer, one after another with nothing accepted in between, at which the run
/// pauses without asking anybody else. (Fewer pause it at its end, if they are all there were.)
pub const SAME_REFUSALS: usize = 10;
/// Whether the public URL answers: so long is waited, so long an answer counts, and so long a silence.
pub const PROBE_WAIT: Duration = Duration::from_secs(3);
pub const PROBE_KEPT: Duration = Duration::from_secs(300);
pub const PROBE_KEPT_SILENT: Duration = Duration::from_secs(30);
/// Bytes that are read of the answer's head.
pub const PROBE_HEAD: usize = 8 << 10;
// Mail that comes in.
/// Of one mail are read: fields of a head, bytes of a field and of one with encoded words, leaves, and how deep they lie.
pub const READ_FIELDS: usize = 500;
pub const READ_FIELD: usize = 16 << 10;
pub const READ_WORDS: usize = 2 << 10;
pub const READ_PARTS: usize = 64;
pub const READ_DEPTH: usize = 10;
/// Bytes of one text, of the reason in it, and of an id.
pub const READ_TEXT: usize = 64 << 10;
pub const READ_REASON: usize = 2 << 10;
pub const READ_ID: usize = 300;
/// A mail that is taken; twice that much is read before whoever does not end is cut off.
pub const INBOUND_SIZE: u64 = 10 * MB;
/// Bytes of a message that are handed on at a time.
pub const INBOUND_PIECE: usize = 32 << 10;
/// Bytes of a command line, of a line of a message and of a path in angle brackets.
pub const INBOUND_LINE: usize = 2 << 10;
pub const INBOUND_TEXT_LINE: usize = 16 << 10;
pub const INBOUND_PATH: usize = 512;
/// Recipients of one mail (RFC 5321 wants at least so many), mails of one connection, commands before a mail, and
/// mistakes before whoever makes them is sent away.
pub const INBOUND_RECIPIENTS: usize = 100;
pub const INBOUND_MESSAGES: u32 = 200;
pub const INBOUND_LINES: u32 = 500;
pub const INBOUND_ERRORS: u32 = 10;
/// Connections that bring mail, in all and from one address; a worker has a thread for each.
pub const INBOUND_CONNECTIONS: usize = 64;
pub const INBOUND_PER_ADDRESS: usize = 8;
/// A client who says nothing for so long (RFC 5321 4.5.3.2.7 wants five minutes), and all of one connection.
pub const INBOUND_IDLE: Duration = Duration::from_secs(300);
pub const INBOUND_TIME: Duration = Duration::from_secs(25 * 60);
/// Bytes of a mail that comes in which are kept in memory.
pub const INBOUND_IN_MEMORY: usize = 256 << 10;
/// What could not be done with a mail is tried again after this, doubling, and for so long.
pub const INBOUND_AGAIN: Duration = Duration::from_secs(30);
pub const INBOUND_PATIENCE: Duration = Duration::from_secs(48 * 3600);
/// Mail that a person should look at is kept for at least so long.
pub const INBOUND_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Mails that are read at one tick of the clock, and bytes of one that is read for its meaning.
pub const INBOUND_AT_ONCE: usize = 50;
pub const READ_MAIL: u64 = 2 * MB;
/// Runs of one contact that are looked at for soft failures in a row.
pub const SOFT_HISTORY: usize = 200;
/// Recipients of one delivery report.
pub const READ_RECIPIENTS: usize = 50;
// Campaigns.
/// Steps that one part of one mail may take in the template engine.
pub const TEMPLATE_FUEL: u64 = 50_000;
/// Bytes of one rendered part.
pub const MAIL_BODY_MAX: usize = 2 << 20;
/// Bytes of one filter's result.
pub const MERGED_MAX: usize = 64 << 10;
/// Bytes of a source as typed, and of a subject.
pub const SOURCE_MAX: usize = 1 << 20;
pub const SUBJECT_MAX: usize = 998;
/// Where Gmail clips a message.
pub const CLIPPED_AT: usize = 102 << 10;
/// All files of one campaign together.
pub const FILES_MAX: u64 = 10 * MB;
pub const FILES_COUNT_MAX: usize = 20;
/// Contacts read and put into the ledger at a time when a run is expanded.
pub const EXPAND_PAGE: usize = 2_000;
/// Test mails of one request.
pub const TEST_MAILS_MAX: usize = 20;
/// Characters of a subject that most lists of mails show.
pub const SUBJECT_SHOWN: usize = 60;
/// Outcomes that go from a ledger to the books at a time.
pub const OUTCOMES_PAGE: usize = 2_000;
/// A scheduled start missed by more than this is held, and somebody is asked.
pub const START_LATE: Duration = Duration::from_secs(30 * 60);
/// Campaigns that are sent at the same time.
pub const CAMPAIGNS_AT_ONCE: usize = 4;
/// After a failure of ours a campaign is tried again no sooner.
pub const CAMPAIGN_REST: Duration = Duration::from_secs(30);
/// Lines on one page of the audit log.
pub const AUDIT_PAGE: usize = 50;
// Contacts.
/// The largest file that can be imported.
pub const IMPORT_MAX: u64 = 2 * GB;
/// Bytes and columns of one row; beyond it the file is not a table, or a quote was never closed.
pub const IMPORT_ROW_MAX: u64 = MB;
pub const IMPORT_COLUMNS_MAX: usize = 1_000;
/// Rows handled by one closure of an import, and contacts by one closure of an undo.
pub const IMPORT_BATCH: usize = 1_000;
pub const UNDO_BATCH: usize = 300;
/// Plain bytes that one bucket of a staged import aims at, and how many buckets there are at most.
pub const IMPORT_BUCKET: u64 = 4 * MB;
pub const IMPORT_BUCKETS_MAX: u64 = 512;
/// What a workbook may unpack to, how much more than its packed size, and its longest text without a tag.
pub const XLSX_UNPACKED_MAX: u64 = GB;
pub const XLSX_STRINGS_MAX: u64 = 128 * MB;
pub const XLSX_RATIO_MAX: u64 = 200;
pub const XLSX_ENTRIES_MAX: usize = 2_000;
pub const XLSX_TEXT_MAX: u64 = MB;
/// Characters in one value, values to choose from, characters in a label or a tag.
pub const VALUE_MAX: usize = 10_000;
pub const CHOICES_MAX: usize = 500;
pub const LABEL_MAX: usize = 100;
/// Attributes that a house can have.
pub const ATTRIBUTES_MAX: usize = 500;
/// Bytes of the words that a consent was given to.
pub const WORDING_MAX: u64 = 80 * KB;
/// Rows of a sheet, with its header; characters that a check for CP932 lists.
pub const XLSX_ROWS_MAX: u64 = 1_048_576;
pub const LOSSES_MAX: usize = 1_000;
/// Free room on the disk below which the doctor warns, and below which it fails.
pub const DISK_WARN: u64 = 5 * GB;
pub const DISK_FAIL: u64 = GB / 2;
/// What the first run advises: free disk and memory.
pub const SETUP_DISK: u64 = 5 * GB;
pub const SETUP_MEMORY: u64 = 512 * MB;
pub const DAY: Duration = Duration::from_secs(24 * 3600);
/// So long an import can be undone.
pub const UNDO_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// Files that wait between the steps of an import, and how long.
pub const DESK_MAX: usize = 20;
pub const DESK_LIFE: Duration = Duration::from_secs(2 * 60 * 60);
