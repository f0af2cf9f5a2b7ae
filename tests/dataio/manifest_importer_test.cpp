#include "dataio/manifest_importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "dataio/text_lines.h"
#include "made_jpeg.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Manifest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }

  fs::path write(const std::string& name, const std::string& content) const {
    std::ofstream(root_ / name, std::ios::binary) << content;
    return root_ / name;
  }
  void write_picture(const std::string& name) const {
    const std::vector<uint8_t> jpeg = made_jpeg(16, 8, 10, 20, 30);
    write(name, {jpeg.begin(), jpeg.end()});
  }
  ManifestRows rows(const std::string& name, const std::string& content) {
    return read_manifest_rows(write(name, content), ManifestFormat::kByName, problems_);
  }
  std::string told(const ManifestSource& source) const {
    try {
      import_manifest(source);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
  ManifestSource source(const fs::path& manifest) const {
    ManifestSource given;
    given.images = root_;
    given.manifest = manifest;
    return given;
  }

  const fs::path root_ = fs::temp_directory_path() / ("manifest-" + std::to_string(::getpid()));
  ImportProblems problems_{"input"};
};

using CsvManifest = Manifest;

TEST_F(CsvManifest, SplitsLabelsAtSemicolonsAndReadsQuotedCells) {
  const ManifestRows read = rows("m.csv",
                                 "\xEF\xBB\xBF"
                                 "path,labels,ignore\r\n"
                                 "\"a, \"\"b\"\".jpg\",dog; cat,\r\n"
                                 "./c.jpg,\"big\ndog\",owl\r\n");
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[0].image, "a, \"b\".jpg");
  EXPECT_THAT(read.rows[0].labels, ElementsAre("cat", "dog"));
  EXPECT_EQ(read.rows[1].image, "c.jpg");
  EXPECT_THAT(read.rows[1].labels, ElementsAre("big\ndog"));
  EXPECT_THAT(read.rows[1].ignore, ElementsAre("owl"));
  EXPECT_EQ(problems_.count(), 0);
}

TEST_F(CsvManifest, WithAColumnForEachClassKeepsTheOrderOfTheColumns) {
  const ManifestRows read = rows("m.csv", "image,dog,ant\na.jpg,1,0\nb.jpg,,-1\n");
  EXPECT_THAT(read.classes, ElementsAre("dog", "ant"));
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_THAT(read.rows[0].labels, ElementsAre("dog"));
  EXPECT_TRUE(read.rows[1].labels.empty());
  EXPECT_THAT(read.rows[1].ignore, ElementsAre("ant"));
}

TEST_F(CsvManifest, ASecondColumnForThePathIsAClassAndItsValuesAreRefused) {
  rows("m.csv", "path,file\na.jpg,b.jpg\n");
  ASSERT_EQ(problems_.count(), 1);
  EXPECT_THAT(problems_.first()[0].what, HasSubstr("none of 1, 0, -1"));
}

TEST_F(CsvManifest, GoesOnBehindAWrongQuote) {
  const ManifestRows read =
      rows("m.csv", "path,labels\na\"b.jpg,dog\n\"c\"d.jpg,dog\ne.jpg,cat\n\"f.jpg,dog\n");
  ASSERT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.rows[0].image, "e.jpg");
  ASSERT_EQ(problems_.count(), 3);
  EXPECT_EQ(text_of(problems_.first()[0].place), "line 2, column 2");
  EXPECT_EQ(text_of(problems_.first()[1].place), "line 3, column 4");
  EXPECT_EQ(text_of(problems_.first()[2].place), "line 5, column 1");
}

TEST_F(CsvManifest, RefusesAHeaderThatNamesNoPath) {
  EXPECT_THROW(rows("m.csv", "dog,cat\n1,0\n"), DataError);
  EXPECT_THROW(rows("n.csv", "path,labels,colour\n"), DataError);
  EXPECT_THROW(rows("o.csv", "\"path,labels\n"), DataError);
}

TEST_F(CsvManifest, ARowOfAnotherLengthIsRefusedByItsLine) {
  rows("m.csv", "path,labels\na.jpg\nb.jpg,dog,cat\n");
  ASSERT_EQ(problems_.count(), 2);
  EXPECT_THAT(problems_.first()[0].what, HasSubstr("1 cells, the header has 2"));
  EXPECT_EQ(problems_.first()[1].place.line, 3);
}

TEST_F(Manifest, ALabelIsFoundWhereItStandsAndNotInTheNameOfThePicture) {
  const ManifestRows json = rows("m.jsonl", R"({"image": "dog", "labels": ["dogfish", "dog"]})");
  EXPECT_EQ(place_of_label(json.rows.at(0), "dog").column, 41);
  const ManifestRows csv = rows("m.csv", "path,labels\ndog,dogfish;dog\n");
  EXPECT_EQ(place_of_label(csv.rows.at(0), "dog").column, 13);
  const ManifestRows ignored = rows("i.csv", "ignore,path,labels\ndog;\xC3\xA9l,dog,fox;cat\n");
  EXPECT_EQ(place_of_label(ignored.rows.at(0), "\xC3\xA9l").column, 5);
  EXPECT_EQ(place_of_label(ignored.rows.at(0), "cat").column, 16);
}

TEST_F(Manifest, ColumnsCountCharactersNotBytes) {
  rows("m.jsonl", "{\"image\": \"\xC3\xA9.jpg\", \"labels\": [\"a\"], \"colour\": 1}");
  ASSERT_EQ(problems_.count(), 1);
  EXPECT_EQ(problems_.first()[0].place.column, 37);
}

TEST_F(Manifest, DepthAndKeysThatOccurTwiceAreProblemsOfTheirLines) {
  rows("m.jsonl", std::string(100, '[') + "\n{\"image\": 1, \"image\": 2}\n{]\n");
  ASSERT_EQ(problems_.count(), 3);
  EXPECT_THAT(problems_.first()[1].what, HasSubstr("occurs twice"));
  EXPECT_EQ(text_of(problems_.first()[2].place), "line 3, column 2");
}

TEST_F(Manifest, TellsFiftyProblemsAndTheCountOfTheRest) {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += "{}\n";
  const std::string what = told(source(write("m.jsonl", lines)));
  EXPECT_THAT(what, HasSubstr("60 problems:"));
  EXPECT_THAT(what, HasSubstr("line 50, column 1"));
  EXPECT_THAT(what, Not(HasSubstr("line 51, column 1")));
  EXPECT_THAT(what, HasSubstr("... and 10 more"));
}

TEST_F(Manifest, TellsMissingFilesAndUnknownLabelsTogether) {
  write_picture("a.jpg");
  ManifestSource given = source(write("m.csv", "path,labels\na.jpg,dgo\nb.jpg,dog\n"));
  given.classes = write("classes.txt", "dog\ncat\n");
  const std::string what = told(given);
  EXPECT_THAT(what, HasSubstr("line 2, column 7: 'dgo' is not in the list of classes"));
  EXPECT_THAT(what, HasSubstr("line 3, column 1: there is no file"));
}

TEST_F(Manifest, AWrongFolderIsOneSentenceAndNotAProblemForEachLine) {
  ManifestSource given = source(write("m.csv", "path,labels\na.jpg,dog\nb.jpg,dog\nc.jpg,dog\n"));
  given.images = root_ / "elsewhere";
  const std::string what = told(given);
  EXPECT_THAT(what, HasSubstr("elsewhere: there is no such folder: none of the 3 images is there"));
  EXPECT_THAT(what, HasSubstr("elsewhere/a.jpg"));
  EXPECT_THAT(what, HasSubstr("check --images"));
  EXPECT_THAT(what, Not(HasSubstr("b.jpg")));
  given.classes = write("classes.txt", "cat\n");
  const std::string with_labels = told(given);
  EXPECT_THAT(with_labels, HasSubstr("4 problems:"));
  EXPECT_THAT(with_labels, HasSubstr("none of the 3 images is there"));
}

TEST_F(Manifest, TellsTenMissingFilesAndTheCountOfTheRest) {
  std::string lines = "path,labels\n";
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i) + ".jpg";
    if (i < 6) write_picture(name);
    lines += name + ",dog\n";
  }
  const std::string what = told(source(write("m.csv", lines)));
  EXPECT_THAT(what, HasSubstr("14 problems:"));
  EXPECT_THAT(what, HasSubstr("line 17, column 1: there is no file"));
  EXPECT_THAT(what, Not(HasSubstr("line 18,")));
  EXPECT_THAT(what, HasSubstr("... and 4 more"));
}

TEST_F(Manifest, ARareLabelThatIsSpeltLikeAFrequentOneIsNotedWhereNoListSaysWhatIsRight) {
  std::string lines = "path,labels,ignore\n";
  for (int i = 0; i < 20; ++i) lines += "g" + std::to_string(i) + ".jpg,giraffe;cat,\n";
  ManifestSource given = source(write("m.csv", lines + "h.jpg,cat;girafe,\ni.jpg,car,Cat\n"));
  given.look_for_files = false;
  const ImportedImages images = import_manifest(given);
  EXPECT_THAT(images.classes, ElementsAre("Cat", "car", "cat", "girafe", "giraffe"));
  EXPECT_THAT(
      images.notes,
      ElementsAre(
          HasSubstr("line 23, column 11: 'Cat' is a label of 1 image(s), 'cat' of 21"),
          HasSubstr("line 22, column 11: 'girafe' is a label of 1 image(s), 'giraffe' of 20")));
  given.classes = write("classes.txt", "giraffe\ngirafe\ncat\nCat\ncar\n");
  EXPECT_THAT(import_manifest(given).notes, IsEmpty());
}

TEST_F(Manifest, LookingIntoFilesFindsWhatIsNoJpeg) {
  write("a.jpg", "GIF89a");
  ManifestSource given = source(write("m.csv", "path,labels\na.jpg,dog\n"));
  EXPECT_EQ(told(given), "");
  given.look_into_files = true;
  EXPECT_THAT(told(given), HasSubstr("a GIF"));
}

TEST_F(Manifest, ALineWithoutEndIsRefusedBeforeItIsHeld) {
  const std::string what =
      told(source(write("m.jsonl", std::string(kLongestLineBytes + 1, ' ') + "{}")));
  EXPECT_THAT(what, HasSubstr("longer than"));
}

}  // namespace
}  // namespace catamaran
