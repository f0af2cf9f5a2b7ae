// Words as other programs read them back: in a bash script, and behind #SBATCH.
//
//   shell_word("a b")             // 'a b'
//   shell_list({"x", "a b"})      // (x 'a b'): an array
//   sbatch_word("--comment=a b")  // --comment=a\ b
//
// Nothing in a word means anything to the reader. A word has no line break: has_line_break() tells,
// and who takes words from outside refuses those. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

// A control character: what would end a line, or does not show.
bool has_line_break(std::string_view word);

std::string shell_word(const std::string& word);
std::string shell_command(const std::vector<std::string>& words);
std::string shell_list(const std::vector<std::string>& words);

// Slurm takes \ before any character, in and outside of quotes, and # for the begin of a comment.
std::string sbatch_word(const std::string& word);
// A file name in --output: % begins one of Slurm's patterns there, \ makes all of them text.
std::string sbatch_file(const std::string& path);

}  // namespace catamaran
