//! Dense numbers for things: an index is never a bare integer.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<$name> for u32 {
            fn from(id: $name) -> u32 {
                id.0
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> $name {
                $name(u32::try_from(index).expect("there are fewer than 2^32 of anything"))
            }
        }
    )*};
}

ids! {
    /// A core of the machine.
    CoreId
    /// An operating system process.
    ProcessId
    /// An operating system thread; the number is used again after its end.
    ThreadId
    /// Something that executes a program: one for each thread and each coroutine; used again after its end.
    ContextId
    /// A task of the scenario (its definition, not an instance).
    TaskId
    /// Jobs that a pool of processes handles together; the number is used again after their end.
    ChunkId
    /// One instance of a task; the number is used again after its end.
    JobId
    /// A named list of steps.
    ProgramId
    /// A device that serves `Io`.
    DeviceId
    /// A declared peer: a host, or a listener.
    PeerId
    /// One end of a connection; the number is used again after both ends are gone.
    SocketId
    /// Something on its way between two ends; the number is used again after its arrival.
    PacketId
    /// A socket call as a program makes it.
    CallId
    /// One request to a device; the number is used again after its completion.
    RequestId
    /// A lock as declared; every process has its own unless it is declared `Interprocess`.
    LockId
    /// A semaphore, event, condition, barrier, queue or lock for readers and writers as declared; every process has its own
    /// unless it is declared `Interprocess`.
    SyncId
    /// A shared variable as declared; every process has its own unless declared `Interprocess`.
    VarId
    /// An object with a reference count as declared; every process has its own unless declared `Interprocess`.
    ObjectId
    /// A text that `Print` prints.
    TextId
    /// A distribution of times used by some step.
    DistId
    /// A wait for some of the coroutines that one has spawned, as a program makes it.
    WaitId
    /// A number that an op computes with.
    OperandId
}
