// The best detections of an image, by one block: windows of candidates, best first, go through suppression in chunks.
#pragma once

#include "batched_nms/window.cuh"

namespace gridrt {
namespace batched_nms {

constexpr int CHUNK = WARP;  // candidates that are settled together, one for each lane
constexpr int MOST_BUCKETS = 32;

// Up to here shifted coordinates are so fine (1/16 pixel) that rounding cannot close the pixel between two groups.
constexpr float LARGEST_EXACT_SHIFT = 1048576.0f;

struct Parameters {
    const Box* boxes;     // [B, N]
    const float* scores;  // [B, N, C]
    const int* groups;    // [N]
    int images;           // B
    int rows;             // N
    int columns;          // C
    float iou_threshold;
    float score_threshold;
    int max_output;      // D
    int buckets;         // that kept boxes are divided among, at most MOST_BUCKETS
    Box* kept_boxes;     // [B, D]
    float* kept_scores;  // [B, D]
    int* kept_groups;    // [B, D]
};

// Where the groups lie, and which boxes are compared with each other.
struct Plane {
    float region;  // how far groups are apart
    bool apart;    // boxes of two groups never overlap
};

// What a thread knows of its candidate of the window.
struct Candidate {
    bool exists;
    Box box;
    Box shifted;
    float score;
    int group;
    int bucket;
};

// Shared memory of a block besides the boxes that it keeps.
template <int THREADS>
struct Memory {
    WindowMemory<THREADS> window;
    Box boxes[CHUNK];  // shifted
    int buckets[CHUNK];
    unsigned int blockers[CHUNK];  // of each candidate, those of the chunk that suppress it if they are kept
    int kept_of_bucket[MOST_BUCKETS];
    int kept;
};

GRIDRT_DEVICE Image image_of(const Parameters& parameters) {
    const size_t first_row = static_cast<size_t>(blockIdx.x) * parameters.rows;
    return {parameters.boxes + first_row,
            parameters.scores + first_row * parameters.columns,
            parameters.groups,
            parameters.rows,
            parameters.columns,
            parameters.score_threshold};
}

GRIDRT_DEVICE Plane plane_of(const Survey& survey) {
    const float region = sum(float_of(survey.reach), 1.0f);
    return {region, static_cast<float>(survey.group) * region <= LARGEST_EXACT_SHIFT};
}

GRIDRT_DEVICE Candidate candidate_of(Key key, const Image& image, const Plane& plane, int buckets) {
    if (key == NO_KEY) return {};
    const int index = index_of(key);
    const Box box = image.boxes[image.row_of(index)];
    const int group = image.group_of(index);
    const int bucket = plane.apart ? group % buckets : 0;
    return {true, box, shifted(box, group, plane.region), image.scores[index], group, bucket};
}

// Whether one of these boxes suppresses another; each lane tells of its share of them.
GRIDRT_DEVICE bool is_suppressed(const Box& box, const Box* others, int count, float threshold) {
    constexpr int AHEAD = 4;  // boxes that are read before the first of them is looked at
    bool suppressed = false;
    for (int first = threadIdx.x % WARP; first < count; first += AHEAD * WARP) {
        Box ahead[AHEAD];
        bool near = false;
        GRIDRT_UNROLL(AHEAD)
        for (int i = 0; i < AHEAD; ++i) {
            ahead[i] = others[smaller(first + i * WARP, count - 1)];
            near |= are_near(ahead[i], box);
        }
        if (!near) continue;
        GRIDRT_UNROLL(AHEAD)
        for (int i = 0; i < AHEAD; ++i) suppressed |= overlap(ahead[i], box, threshold);
    }
    return suppressed;
}

// Kept boxes lie in buckets, each with room for all, so that a candidate is compared with few of other groups. A warp
// holds a candidate against them, and against those of its chunk that come before it.
template <int THREADS>
GRIDRT_DEVICE void find_blockers(const Parameters& parameters, const Box* kept, Memory<THREADS>& memory) {
    const int lane = threadIdx.x % WARP;
    for (int member = threadIdx.x / WARP; member < CHUNK; member += THREADS / WARP) {
        const Box box = memory.boxes[member];
        const int bucket = memory.buckets[member];
        const bool suppressed = is_suppressed(box, kept + bucket * parameters.max_output,
                                              memory.kept_of_bucket[bucket], parameters.iou_threshold);
        const bool blocks = lane < member && are_near(memory.boxes[lane], box) &&
                            overlap(memory.boxes[lane], box, parameters.iou_threshold);
        unsigned int blockers = __ballot_sync(ALL, blocks);
        // One that is suppressed already blocks itself.
        if (__ballot_sync(ALL, suppressed) != 0) blockers |= 1u << member;
        if (lane == 0) memory.blockers[member] = blockers;
    }
}

// Which of a chunk are kept: those that no kept one blocks. Iterating that sentence settles at least one more candidate
// each time, in practice most of them at once; each lane has its own candidate's blockers.
GRIDRT_DEVICE unsigned int settled(bool exists, unsigned int blockers) {
    const bool open = exists && !(blockers >> threadIdx.x % WARP & 1u);
    unsigned int kept = 0;
    unsigned int next = __ballot_sync(ALL, open);
    while (next != kept) {
        kept = next;
        next = __ballot_sync(ALL, open && (blockers & kept) == 0);
    }
    return kept;
}

// The warp whose candidates the chunk is made of keeps what is to be kept, as long as there are rows.
template <int THREADS>
GRIDRT_DEVICE void keep(const Parameters& parameters, const Candidate& candidate, Box* kept,
                        Memory<THREADS>& memory) {
    const int lane = threadIdx.x % WARP;
    const unsigned int lanes_before = (1u << lane) - 1u;
    const unsigned int survivors = settled(candidate.exists, memory.blockers[lane]);
    const int row = memory.kept + __popc(survivors & lanes_before);
    const bool is_kept = survivors >> lane & 1u && row < parameters.max_output;
    const unsigned int together = __ballot_sync(ALL, is_kept);
    const unsigned int of_bucket = __match_any_sync(ALL, candidate.bucket) & together;
    const int place = memory.kept_of_bucket[candidate.bucket] + __popc(of_bucket & lanes_before);
    __syncwarp();
    if (lane == 0) memory.kept += __popc(together);
    if (!is_kept) return;
    if ((of_bucket & lanes_before) == 0) memory.kept_of_bucket[candidate.bucket] += __popc(of_bucket);
    kept[candidate.bucket * parameters.max_output + place] = candidate.shifted;
    const size_t output = static_cast<size_t>(blockIdx.x) * parameters.max_output + row;
    parameters.kept_boxes[output] = candidate.box;
    parameters.kept_scores[output] = candidate.score;
    parameters.kept_groups[output] = candidate.group;
}

template <int THREADS>
GRIDRT_DEVICE void show_chunk(const Candidate& candidate, Memory<THREADS>& memory) {
    memory.boxes[threadIdx.x % WARP] = candidate.shifted;
    memory.buckets[threadIdx.x % WARP] = candidate.bucket;
}

// Suppression within a window: each warp's candidates in turn are a chunk.
template <int THREADS>
GRIDRT_DEVICE void suppress(const Parameters& parameters, const Candidate& candidate, Box* kept,
                            Memory<THREADS>& memory) {
    const int warp = threadIdx.x / WARP;
    const int chunks = ceil_div(memory.window.collected, CHUNK);
    if (warp == 0) show_chunk(candidate, memory);
    __syncthreads();
    for (int chunk = 0; chunk < chunks && memory.kept < parameters.max_output; ++chunk) {
        find_blockers(parameters, kept, memory);
        __syncthreads();
        if (warp == chunk) keep(parameters, candidate, kept, memory);
        if (warp == chunk + 1) show_chunk(candidate, memory);
        __syncthreads();
    }
}

GRIDRT_DEVICE void clear_rows(const Parameters& parameters, int first) {
    const size_t output = static_cast<size_t>(blockIdx.x) * parameters.max_output;
    for (int row = first + threadIdx.x; row < parameters.max_output; row += blockDim.x) {
        parameters.kept_boxes[output + row] = {};
        parameters.kept_scores[output + row] = 0.0f;
        parameters.kept_groups[output + row] = -1;
    }
}

// The detections of image blockIdx.x. `kept` is shared memory for buckets * D boxes.
template <int THREADS>
GRIDRT_DEVICE void select(const Parameters& parameters, Box* kept) {
    __shared__ Memory<THREADS> memory;
    if (static_cast<int>(blockIdx.x) >= parameters.images) return;  // there are none, and yet a grid has a block
    const Image image = image_of(parameters);
    if (threadIdx.x < MOST_BUCKETS) memory.kept_of_bucket[threadIdx.x] = 0;
    if (threadIdx.x == 0) memory.kept = 0;
    const Survey survey = survey_of(image, memory.window);
    const Plane plane = plane_of(survey);
    Range range = {key_of(~survey.best_rank_inverted, 0), key_of(survey.worst_rank, ~0u)};
    while (range.first <= range.last && memory.kept < parameters.max_output) {
        const Key key = take_window(image, range, memory.window);
        suppress(parameters, candidate_of(key, image, plane, parameters.buckets), kept, memory);
    }
    clear_rows(parameters, memory.kept);
}

}  // namespace batched_nms
}  // namespace gridrt
