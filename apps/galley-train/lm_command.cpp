#include "lm_command.h"

#include <CLI/CLI.hpp>

namespace {

constexpr const char* kLmHelp = R"(Examples:
  galley-train lm --data data/lm --out model
      ten minutes on the texts of a folder; `galley generate` and `galley serve` take the model
  galley-train lm --data play.txt reviews.txt.zst --minutes 2 --width 128 --out model
  galley run -- galley-train lm --data "$GALLEY_DATASET_TEXTS" --out model --resume
      as a job of the platform: its loss is a curve, and what is preempted goes on where it was

Texts are UTF-8, plain or compressed with zstd; a folder stands for its *.txt and *.txt.zst. A file
with blank lines is one running text; in any other every line is a document of its own. The last
twentieth of the lines of each is held out, written to OUT/validation, and measured.

Output is a Hugging Face folder: a Llama decoder in f32 with its own byte-level BPE vocabulary.
The learning rate follows the clock, so that the training ends, cooled down, within --minutes; with
--steps it follows the steps, and one seed and one number of threads give the same bytes.
OUT/checkpoint.safetensors is written every minute. SIGTERM: write it, exit 75; --resume goes on
from it, or begins where there is none.)";

}  // namespace

void describe_lm(CLI::App& command, LmCommand& into) {
  auto& options = into.options;
  auto& shape = options.shape;
  command.footer(kLmHelp);
  command.add_option("--data", into.data, "Text files, or folders of them")->required();
  command.add_option("--out", into.out, "Folder to write the model to")->required();
  command.add_flag("--resume", into.resume, "Go on from the checkpoint in --out, if there is one");
  command.add_option("--minutes", options.minutes, "How long it may take in all")
      ->capture_default_str();
  command.add_option("--steps", options.steps, "Take so many steps, however long; 0: by --minutes")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Workers, one core each; 0: one for each core")
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Seed of the start, order and dropout")
      ->capture_default_str();
  command.add_option("--vocab", shape.vocabulary, "Tokens of the vocabulary at most")
      ->capture_default_str();
  command.add_option("--width", shape.width, "Width of the residual stream")->capture_default_str();
  command.add_option("--layers", shape.layers, "Blocks")->capture_default_str();
  command.add_option("--heads", shape.heads, "Attention heads")->capture_default_str();
  command
      .add_option("--kv-heads", shape.kv_heads, "Heads of keys and values, which the others share")
      ->capture_default_str();
  command.add_option("--ffn", shape.feed_forward, "Width of the feed-forward part")
      ->capture_default_str();
  command.add_option("--context", shape.context, "Tokens the model sees at once")
      ->capture_default_str();
  command.add_option("--batch", options.batch, "Windows of --context tokens a step")
      ->capture_default_str();
  command.add_option("--lr", options.learning_rate, "Highest learning rate")->capture_default_str();
  command.add_option("--weight-decay", options.weight_decay, "Of the matrices")
      ->capture_default_str();
  command.add_option("--dropout", options.dropout, "Share of what a block adds that is left out")
      ->capture_default_str();
}
