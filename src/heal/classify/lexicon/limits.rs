//! A limit of the machine was reached, or something of the machine is not ours to use.

use super::{Rule, rule};
use crate::domain::failure::{
    Cause::{Environment, TimeLimit},
    ErrorType::Infra,
};

pub(super) const RULES: &[Rule] = &[
    rule("limits.disk", Infra, Environment, r"No space left|\bWrote only \d+ of \d+ bytes|\bENOSPC\b|StorageFull|\b(?:disk|volume|device|file ?system|partition|tmpfs|storage)\b[^.]{0,20}\b(?:is |was )?(?:full|exhausted)\b|\bdisk full|out of (?:disk|storage)|\b(?:not enough|insufficient|no (?:free|more)|out of)\b[^.]{0,25}\b(?:disk|storage|device)? ?space\b|Disk quota exceeded|\bEDQUOT\b|database or disk is full|cannot write[^.]*: no space")
        .asking("make room on the disk"),
    rule("limits.read_only", Infra, Environment, r"Read-only file ?system|\bEROFS\b|ReadOnlyFilesystem|attempt to write a readonly database|filesystem is read-only|mounted read-only")
        .asking("make the file system writable"),
    rule("limits.size", Infra, Environment, r"\bFile too large\b|\bEFBIG\b|File size limit exceeded|FileTooLarge|\bSIGXFSZ\b"),
    // Processes and files. A process table may have room again in a moment; an own limit has not.
    rule("limits.processes", Infra, Environment, r"fork\b.{0,40}Resource temporarily unavailable|Cannot fork|can't start new thread|unable to create (?:new )?(?:native )?thread|failed to (?:spawn|create) (?:a )?thread|fork failed|\bpthread_create\b.{0,30}(?:fail|EAGAIN|unavailable)|too many processes")
        .retryable().asking("raise the limit of processes"),
    rule("limits.files", Infra, Environment, r"Too many open files|\bEMFILE\b|\bENFILE\b|inotify.{0,30}(?:limit|watches)|no more (?:file )?(?:handles|descriptors)|file descriptor limit")
        .asking("raise the limit of open files"),
    rule("limits.memory", Infra, Environment, r"\bout of memory\b|OutOfMemory|\bENOMEM\b|Cannot allocate memory|\bMemoryError\b|bad_alloc|heap (?:out of|limit|space)|memory allocation of \d+ bytes|memory (?:is )?exhausted|Allowed memory size of \d+|(?:exceed|reach)\w* (?:the )?(?:its )?(?:memory|heap|RSS) limit|memory limit (?:of .{0,20})?(?:exceeded|reached|is)|NoMemoryError|failed to allocate|could not allocate|unable to (?:allocate|reserve)|cannot reserve \d|not enough (?:memory|ram)|insufficient memory|GC overhead limit|std::bad_array_new_length|out of heap|MemoryLimit")
        .asking("give it more memory"),
    rule("limits.oom_killed", Infra, Environment, r"\boom-?kill|\bOOMKilled\b|Out of memory: Killed process|^Killed$|\b\d+ Killed\b|: Killed\b|Killed: 9|received signal (?:9|15|SIGKILL|SIGTERM)|\bsignal: (?:9|15),|signal (?:SIGKILL|SIGTERM|SIGINT)\b|terminated by signal (?:9|15|SIGKILL|SIGTERM)|process (?:was )?killed|ended by SIGKILL|exited with (?:code|status) 137|(?:got|caught|received|signal) (?:SIGTERM|SIGINT|signal 15|signal 2)\b|KeyboardInterrupt|worker .{0,40}(?:killed|terminated unexpectedly)|Terminated$|\bInterrupted by (?:user|signal)")
        .retryable(),
    rule("limits.cpu", Infra, TimeLimit, r"CPU time limit|\bSIGXCPU\b|Maximum execution time of|cputime limit|(?:wall|time)[ -](?:clock )?(?:budget|limit|quota) (?:exceeded|exhausted|reached|expired)")
        .weak(),
    rule("limits.trust", Infra, Environment, r"CERTIFICATE_VERIFY_FAILED|SSL certificate (?:problem|verification)|self[- ]?signed certificate|SELF_SIGNED|UnknownIssuer|unable to get (?:local )?issuer|UNABLE_TO_(?:GET|VERIFY)|x509: |PKIX path|certificate (?:has |is )?(?:expired|not trusted|revoked|not yet valid|verify failed|verification failed|signed by unknown|unknown|invalid)|CERT_(?:HAS_EXPIRED|UNTRUSTED)|untrusted (?:certificate|root)|SSLCertVerificationError|server certificate verification failed|cannot verify \S+ certificate|hostname mismatch|does not match host ?name|does not match certificate")
        .asking("make the server's certificate trusted"),
    // The file system forbids; keys that a server does not accept are another matter.
    rule("limits.permission", Infra, Environment, r"\bPermission ?denied\b|\bEACCES\b|PermissionError|AccessDeniedException|Access is denied|\bEPERM\b|Operation not permitted|insufficient permissions? to|not writable\b|is not writeable|permission was denied|no (?:write|read) permission|cannot (?:open|create|write)[^:]*: permission")
        .weak().asking("give the command the right to use the file, or use another place"),
    rule("limits.io", Infra, Environment, r"Input/output error|\bEIO\b|I/O error|Stale file handle|\bESTALE\b|Bad file descriptor.*(?:device|nfs)|Transport endpoint is not connected")
        .weak(),
];
