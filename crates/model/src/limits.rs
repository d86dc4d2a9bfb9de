//! Every limit of the database, in one place. A queue, loop, list or depth without a limit here is a defect.

/// Largest number of components of a dense vector.
pub const VECTOR_DIM_MAX: u64 = 65_536;
/// Longest name of a vector, in bytes.
pub const VECTOR_NAME_BYTES_MAX: usize = 200;
/// Longest name of a collection or alias, in characters.
pub const COLLECTION_NAME_CHARS_MAX: usize = 255;
/// Deepest tree of prefetches.
pub const PREFETCH_DEPTH_MAX: usize = 64;
/// Most candidates that diversification looks at.
pub const MMR_CANDIDATES_MAX: u64 = 16_384;
/// Most judged examples in a relevance feedback query; the work before the search grows with their square.
pub const FEEDBACK_ITEMS_MAX: usize = 4_096;
/// Default number of results.
pub const LIMIT_DEFAULT: u64 = 10;
/// Default number of hits in a group.
pub const GROUP_SIZE_DEFAULT: u64 = 3;
/// Deepest nesting of filters, formulas and payload paths.
pub const NESTING_DEPTH_MAX: usize = 128;
/// Most segments of a payload path.
pub const PATH_SEGMENTS_MAX: usize = 64;
/// Longest text of a payload path, in bytes.
pub const PATH_BYTES_MAX: usize = 4_096;
/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Largest number of rows of a multi vector.
pub const MULTI_ROWS_MAX: usize = 1_048_576;
/// Largest batch of requests in one call.
pub const BATCH_REQUESTS_MAX: usize = 16_384;
/// Default number of points sampled for a distance matrix.
pub const MATRIX_SAMPLE_DEFAULT: u64 = 10;
/// Default number of neighbours of each point in a distance matrix.
pub const MATRIX_LIMIT_DEFAULT: u64 = 3;
/// Most points sampled for a distance matrix.
pub const MATRIX_SAMPLE_MAX: u64 = 16_384;
/// Most similarities of a distance matrix kept in an answer.
pub const MATRIX_PAIRS_MAX: u64 = 4_194_304;
/// Seconds after which a read is given up.
pub const READ_TIMEOUT_S: u64 = 60;
/// Largest HNSW `m` accepted in a configuration.
pub const HNSW_M_MAX: u64 = 512;
/// Largest beam width accepted, at build or search.
pub const HNSW_EF_MAX: u64 = 65_536;
/// Most vectors, dense and sparse, in one collection.
pub const VECTORS_PER_COLLECTION_MAX: usize = 1_024;
/// Most payload indexes in one collection.
pub const PAYLOAD_INDEXES_MAX: usize = 1_024;
/// Most collections and aliases in one database.
pub const COLLECTIONS_MAX: usize = 65_536;
/// Longest timeout that is taken at its word, in seconds; longer ones mean this.
pub const TIMEOUT_S_MAX: u64 = 86_400;
/// Memory that all request bodies being read may take together, in bytes.
pub const BODIES_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Largest body that takes no part of `BODIES_BYTES_MAX`, so that small requests never wait for large ones.
pub const BODY_SMALL_BYTES_MAX: usize = 64 * 1024;
/// What a larger body takes of `BODIES_BYTES_MAX` at once as it arrives, in bytes.
pub const BODY_STEP_BYTES: usize = 256 * 1024;
/// Seconds that a body may wait for its next step before its request is refused as one too many.
pub const BODY_WAIT_S: u64 = 10;
/// Seconds that a request body may lag behind `BODY_RATE_MIN` before it is given up.
pub const BODY_GRACE_S: u64 = 30;
/// Slowest average rate of a request body, in bytes per second.
pub const BODY_RATE_MIN: usize = 64 * 1024;
/// Most objects and arrays in the body of a query; a decoded one takes up to some kilobytes.
pub const QUERY_NODES_MAX: usize = 131_072;
/// Most objects and arrays in a body that brings points.
pub const POINTS_NODES_MAX: usize = 4_194_304;
/// Bytes of a refused body that are still taken in, so that the refusal reaches its sender.
pub const BODY_DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Seconds that a refused body is taken in.
pub const BODY_DRAIN_S: u64 = 2;
/// Seconds that a connection may take for the head of a request, or stay idle between requests.
pub const HEAD_TIMEOUT_S: u64 = 30;
/// Most connections at once; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Seconds that running requests may take after the server was asked to stop.
pub const SHUTDOWN_S: u64 = 10;
/// Longest head of a request: its line and its headers, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of a stored payload, so that it can be read again inside any answer or record.
pub const PAYLOAD_DEPTH_MAX: usize = 100;
/// Largest metadata of a collection as JSON, in bytes: the catalog repeats it with every change of any collection.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;
/// Most elements of a list of examples, conditions, prefetches or operands in a query: refused while it is read,
/// because each costs a hundred times its text.
pub const QUERY_LIST_MAX: usize = 16_384;
/// Largest payload of one point as JSON text, in bytes; a segment stores each payload as one piece.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Snapshots that may be made, taken in or restored at once.
pub const SNAPSHOT_WORKS_MAX: usize = 8;
/// Largest snapshot that is taken in, in bytes.
pub const SNAPSHOT_BYTES_MAX: u64 = 1 << 40;
