// How `--help` shows what an option takes and its default: in words, where CLI11 shows the types
// and tables of the program.
//
//   app.formatter(std::make_shared<HelpFormat>());     // before the commands are added
//
//   --class-order id|name (default: id)           TEXT:{id,name}=id
//   --threads 0 to 1024 (default: 0)              INT:INT in [0 - 1024]=0
//   --no-decode                                   --no-decode{false}
//
// What a check says of itself takes the place of the type; the names, text and layout are CLI11's.
// Thread-safe.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace catamaran {

class HelpFormat : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
};

// "TEXT:{id,name}" is "id|name", "INT:INT in [0 - 64]" is "0 to 64".
std::string value_in_words(const std::string& cli11_type);

}  // namespace catamaran
