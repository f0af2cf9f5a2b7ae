// The one table of configuration keys: name, place in RunOptions, meaning. Reading, printing and
// docs/configuration.md all visit it: visit(key, value, meaning). Keys of one table stand together.
// Thread-safe.
#pragma once

#include "model/backbone_names.h"
#include "trainer/options.h"

namespace catamaran {

template <typename Options, typename Visit>
void visit_model_keys(Options& m, Visit&& visit) {
  visit("model.input.size", m.input.size, "side of the square input, pixels");
  visit("model.input.mean", m.input.mean, "subtracted from RGB in 0..1");
  visit("model.input.std", m.input.std, "divides RGB after that");
  visit("model.backbone.name", m.backbone.name, backbone_names_text().c_str());
  visit(
      "model.backbone.bn", m.backbone.bn,
      "batch norm of the backbone: local, each rank's own statistics; sync, of all ranks; frozen, "
      "eval mode and fixed weights");
  visit("model.fpn.enabled", m.fpn.enabled, "false: one head on S5 alone, the plain backbone");
  visit("model.fpn.topdown", m.fpn.topdown, "conv_then_upsample, upsample_then_conv, deconv");
  visit("model.fpn.share_td_conv", m.fpn.share_td_conv, "one top-down convolution for both levels");
  visit("model.lrd.enabled", m.lrd_enabled, "long-range dependencies, equation (4)");
  visit("model.attention.dim", m.attention.dim, "width D of pyramid and attention");
  visit("model.attention.heads", m.attention.heads, "attention heads; must divide the width");
  visit("model.attention.ffn_dim", m.attention.ffn_dim, "inner width of the feed-forward part");
  visit("model.attention.dropout", m.attention.dropout, "of attention and feed-forward, in [0, 1)");
  visit("model.attention.norm", m.attention.norm, "post (vanilla transformer), pre");
  visit("model.attention.position", m.attention.position, "none, sine2d");
  visit("model.cla.enabled", m.cla.enabled, "cross-layer fusion, equations (5)-(7)");
  visit("model.cla.residual", m.cla.residual, "add the upper level to the attention's output");
  visit("model.cla.query", m.cla.query,
        "upper: tokens of the upper level; upsampled: at the lower level's size");
  visit("model.cla.pma", m.cla.pma, "max-pool keys and values before attention");
  visit("model.cla.kv_stride_p4", m.cla.kv_stride_p4, "kernel and stride of that pooling on P4");
  visit("model.cla.kv_stride_p3", m.cla.kv_stride_p3, "and on P3");
  visit("model.cla.kv_grid", m.cla.kv_grid,
        "above 0: pooled to so many cells a side instead of by stride");
  visit("model.head.pool", m.head.pool, "mean, max, topk, csra: from class map to logit");
  visit("model.head.topk", m.head.topk, "tokens of topk");
  visit("model.head.csra_lambda", m.head.csra_lambda, "weight of csra's attention part");
  visit("model.head.csra_temperature", m.head.csra_temperature, "of csra's softmax");
  visit("model.head.frozen_fusion", m.head.frozen_fusion, "alpha, beta, gamma stay 1/3");
}

template <typename Options, typename Visit>
void visit_training_keys(Options& o, Visit&& visit) {
  visit("batch.global", o.batch.global, "images of one optimizer step over all ranks");
  visit("batch.per_device", o.batch.per_device,
        "images of one micro-batch at most; the rest is accumulated");
  visit("optimizer.name", o.optimizer.name, "adamw, sgd, lars, lamb");
  visit("optimizer.learning_rate", o.optimizer.learning_rate,
        "of the new layers, at the schedule's top");
  visit("optimizer.scaling", o.optimizer.scaling,
        "none; linear, sqrt: the rate is for base_batch, and times batch.global / base_batch, or "
        "the root of it");
  visit("optimizer.base_batch", o.optimizer.base_batch,
        "linear, sqrt: the global batch that the learning rate was found for");
  visit("optimizer.backbone_ratio", o.optimizer.backbone_ratio,
        "the backbone's learning rate is this times the above");
  visit("optimizer.head_ratio", o.optimizer.head_ratio, "and that of the heads is this times it");
  visit("optimizer.layer_decay", o.optimizer.layer_decay,
        "the backbone's stage k from the top (1: its last) besides learns at this^k; 1: all alike");
  visit("optimizer.weight_decay", o.optimizer.weight_decay, "on tensors of two or more dimensions");
  visit("optimizer.momentum", o.optimizer.momentum, "sgd, lars");
  visit("optimizer.nesterov", o.optimizer.nesterov, "sgd, lars: look ahead along the velocity");
  visit("optimizer.beta1", o.optimizer.beta1, "adamw, lamb");
  visit("optimizer.beta2", o.optimizer.beta2, "adamw, lamb");
  visit("optimizer.epsilon", o.optimizer.epsilon,
        "adamw; lamb (1e-6 as published); lars, but for moco");
  visit("optimizer.lars_variant", o.optimizer.lars_variant,
        "lars, norms w, g, c = trust_coefficient: timm (trust ratio c w / (g + decay w + "
        "epsilon)), larc (that, the step at most the rate's), moco (c w / norm of g + decay w)");
  visit("optimizer.trust_coefficient", o.optimizer.trust_coefficient,
        "lars: share of a tensor's norm that a step may change; apex's LARC: 0.02");
  visit("optimizer.trust_cap", o.optimizer.trust_cap,
        "lamb: trust ratio at most; 0: no cap. lamb as published clips first: clip.max_norm = 1");
  visit("schedule.name", o.schedule.name, "onecycle, cosine, step, constant");
  visit("schedule.epochs", o.schedule.epochs, "epochs of the whole schedule");
  visit("schedule.images", o.schedule.images,
        "above 0: images of the whole schedule instead of epochs, a multiple of batch.global: the "
        "same for runs of different batches");
  visit("schedule.max_steps", o.schedule.max_steps,
        "above 0: stop after so many steps, the schedule keeps its shape");
  visit("schedule.warmup_epochs", o.schedule.warmup_epochs,
        "linear warm-up of constant, step and cosine");
  visit("schedule.warmup_images", o.schedule.warmup_images, "likewise, instead of warmup_epochs");
  visit("schedule.milestones", o.schedule.milestones, "epochs at which step multiplies by gamma");
  visit("schedule.gamma", o.schedule.gamma, "step");
  visit("schedule.pct_start", o.schedule.pct_start, "onecycle: share of the steps that rise");
  visit("schedule.div_factor", o.schedule.div_factor, "onecycle: first rate = top / this");
  visit("schedule.final_div_factor", o.schedule.final_div_factor,
        "onecycle: last rate = first / this");
  visit("schedule.final_ratio", o.schedule.final_ratio, "cosine: last rate = top * this");
  visit("clip.mode", o.clip.mode,
        "norm (of all gradients together), agc (adaptive: of each unit against its weights, heads "
        "left alone)");
  visit("clip.max_norm", o.clip.max_norm, "norm: at most; 0: measured, not clipped");
  visit("clip.agc_factor", o.clip.agc_factor,
        "agc: norm of a unit's gradient as share of its weights', at most");
  visit("ema.decay", o.ema.decay,
        "average of the weights at reference_batch images a step; 0: none is kept");
  visit("ema.reference_batch", o.ema.reference_batch,
        "the decay is rescaled from this batch to batch.global");
  visit("ema.warmup", o.ema.warmup, "a shorter memory at the beginning");
}

template <typename Options, typename Visit>
void visit_loss_keys(Options& o, Visit&& visit) {
  visit("loss.name", o.loss.name, "bce, focal, asl");
  visit("loss.focal_gamma", o.loss.focal_gamma, "focal: power of the factor on easy labels");
  visit("loss.focal_alpha", o.loss.focal_alpha,
        "focal: weight of present labels, absent ones have 1 - this; -1: both 1");
  visit("loss.asl_gamma_pos", o.loss.asl_gamma_pos, "asl: power for present labels");
  visit("loss.asl_gamma_neg", o.loss.asl_gamma_neg,
        "asl: power for absent labels; its paper: 4, Query2Label: 2");
  visit("loss.asl_clip", o.loss.asl_clip,
        "asl: probability below which absent labels cost nothing; Query2Label: 0");
  visit("loss.asl_detach_weights", o.loss.asl_detach_weights,
        "asl: the focal factors are constants to backward; Query2Label: false");
  visit("loss.label_smoothing", o.loss.label_smoothing,
        "e: targets are e / 2 and 1 - e / 2 instead of 0 and 1");
  visit("loss.positive_weight", o.loss.positive_weight,
        "weight of present labels by class: none, balanced (negatives / positives), inverse (mean "
        "of the classes' positives / positives)");
  visit("loss.positive_weight_cap", o.loss.positive_weight_cap, "that weight at most");
  visit("loss.auxiliary_weight", o.loss.auxiliary_weight,
        "of the losses of the heads before fusion, equations (8)-(10)");
  visit("loss.scale", o.loss.scale,
        "factor on loss and gradients, before clipping; the number of labels makes the mean over "
        "labels a sum");
  visit("precision.compute", o.precision.compute,
        "fp32, bf16, fp16: of the model's forward and backward; weights stay fp32");
  visit("precision.loss_scale", o.precision.loss_scale,
        "fp16, computed or exchanged: the first factor on gradients");
  visit("precision.growth", o.precision.growth,
        "fp16: multiplies it after growth_interval steps without overflow");
  visit("precision.backoff", o.precision.backoff, "fp16: multiplies it after an overflow");
  visit("precision.growth_interval", o.precision.growth_interval, "fp16: steps");
}

template <typename Options, typename Visit>
void visit_config_keys(Options& o, Visit&& visit) {
  visit("run.name", o.name, "name in metrics and reports; empty: that of the run directory");
  visit("run.seed", o.seed, "of initial weights, sample order, augmentation and dropout");
  visit_model_keys(o.model, visit);
  visit("weights.backbone", o.weights.backbone,
        "safetensors file with timm's names; empty: random");
  visit("weights.init", o.weights.init, "checkpoint or safetensors of a whole model to start from");
  visit("weights.allow_partial", o.weights.allow_partial,
        "start although tensors are missing in the file");
  visit("data.train", o.data.train, "pack folder");
  visit("data.eval", o.data.eval, "pack folder; empty: no evaluation");
  visit("data.difficult_train", o.data.difficult_train,
        "what label 0 means to the loss: ignore, positive, negative");
  visit("data.allow_overlap", o.data.allow_overlap, "let images be in both packs");
  visit("data.threads", o.data.threads, "loader threads a rank; 0: as many as compute threads");
  visit("data.prefetch_batches", o.data.prefetch_batches, "batches ready or in work at most");
  visit("data.stage", o.data.stage,
        "folder of this node's scratch disk to copy packs to first ($NAME is written out); auto; "
        "empty: none");
  visit("data.cache_mib", o.data.cache_mib, "packed images kept in memory, MiB a rank; 0: none");
  visit("data.decode", o.data.decode,
        "of training: exact (PIL's bytes), fast (large pictures decoded at a part of their size)");
  visit("data.on_bad_sample", o.data.on_bad_sample,
        "of training: skip (another image takes its place), stop");
  visit("data.timeout_seconds", o.data.timeout_seconds,
        "a read that takes longer, or staging without a byte more for so long, ends the job; 0: "
        "three quarters of comm.timeout_seconds");
  visit("data.augment.crop", o.data.augment.crop, "multi_scale, random_resized, center, none");
  visit("data.augment.resize", o.data.augment.resize,
        "canvas of multi_scale, shorter side of center, pixels");
  visit("data.augment.scales", o.data.augment.scales, "crop sizes as shares of the canvas");
  visit("data.augment.max_distort", o.data.augment.max_distort,
        "steps between the scales of width and height at most");
  visit("data.augment.area", o.data.augment.area,
        "random_resized: least and most share of the image");
  visit("data.augment.ratio", o.data.augment.ratio,
        "random_resized: least and most width / height");
  visit("data.augment.flip", o.data.augment.flip, "mirror half of the images");
  visit("data.augment.brightness", o.data.augment.brightness,
        "ColorJitter: factor of 1 - this to 1 + this; 0: off");
  visit("data.augment.contrast", o.data.augment.contrast, "ColorJitter, likewise");
  visit("data.augment.saturation", o.data.augment.saturation, "ColorJitter, likewise");
  visit("data.augment.hue", o.data.augment.hue,
        "ColorJitter: shift of the colour wheel by at most this, up to 0.5");
  visit("data.augment.cutout", o.data.augment.cutout,
        "side of a rectangle of one colour, as share of the picture's; 0: off");
  visit("data.augment.rand_augment", o.data.augment.rand_augment,
        "RandAugment: operations on an image; 0: off");
  visit("data.augment.rand_augment_magnitude", o.data.augment.rand_augment_magnitude,
        "RandAugment: strength, 0 to 30");
  visit("data.augment.mixup", o.data.augment.mixup,
        "alpha of the Beta distribution of the mixing share; 0: off");
  visit("data.augment.cutmix", o.data.augment.cutmix, "likewise; with mixup each half of the time");
  visit("data.augment.mix_probability", o.data.augment.mix_probability,
        "of a pair of images to be mixed");
  visit("data.augment.mix_labels", o.data.augment.mix_labels,
        "share (as much of each label as of its image), union");
  visit_training_keys(o, visit);
  visit_loss_keys(o, visit);
  visit("evaluate.every_epochs", o.evaluate.every_epochs, "0: at the end only");
  visit("evaluate.protocol", o.evaluate.protocol, "default, mlgcn, voc2010, voc2007");
  visit("evaluate.batch", o.evaluate.batch, "images a rank at a time; 0: as in training");
  visit("evaluate.crop", o.evaluate.view.crop,
        "what the model is shown, here and by eval, predict and explain later: none (the whole "
        "picture, squished), center (the square in its middle)");
  visit("evaluate.resize", o.evaluate.view.resize,
        "center: shorter side of the picture before, pixels; 0: 8/7 of model.input.size (256 for "
        "224, 512 for 448)");
  visit("checkpoint.every_epochs", o.checkpoint.every_epochs, "0: at the end only");
  visit("checkpoint.every_steps", o.checkpoint.every_steps, "above 0: instead of every_epochs");
  visit("checkpoint.keep", o.checkpoint.keep, "newest kept; the best is kept besides");
  visit("checkpoint.keep_every_epochs", o.checkpoint.keep_every_epochs,
        "the end of every so many epochs is written and kept for good; 0: off");
  visit("checkpoint.most_starts_without_progress", o.checkpoint.most_starts_without_progress,
        "starts in a row, of the same configuration, that fail without a new checkpoint before the "
        "next one is refused; of those that are killed without a word, three times as many; 0: "
        "none is");
  visit("checkpoint.timeout_seconds", o.checkpoint.timeout_seconds,
        "a write that takes longer ends the job");
  visit("reducer.first_bucket_bytes", o.reducer.first_bucket_bytes,
        "gradients of the first all-reduce");
  visit("reducer.bucket_bytes", o.reducer.bucket_bytes, "and of each later one");
  visit("reducer.last_bucket_bytes", o.reducer.last_bucket_bytes,
        "but the last, whose exchange no computation hides");
  visit("reducer.compression", o.reducer.compression,
        "none, bf16, fp16: type of gradients on their way between ranks; what rounding takes is "
        "added to the next step's");
  visit("numerics.max_consecutive_skips", o.numerics.max_consecutive_skips,
        "steps in a row that are skipped, as they are not finite or spikes, before the run stops");
  visit("numerics.consistency_every_steps", o.numerics.consistency_every_steps,
        "hash of weights, optimizer and average across ranks; 0: at checkpoints only");
  visit("numerics.probe_every_steps", o.numerics.probe_every_steps,
        "steps between probes for silent data corruption: all ranks compute one micro-batch's "
        "gradients and compare bits; 0: never");
  visit("numerics.on_spike", o.numerics.on_spike,
        "none; what a step whose loss or gradient norm is far above those before does: stop (code "
        "6), skip (it is not applied), rollback (to the newest checkpoint's weights, the data goes "
        "on)");
  visit("numerics.spike_factor", o.numerics.spike_factor,
        "a spike is above this times the median of the newest spike_window applied steps");
  visit("numerics.spike_window", o.numerics.spike_window,
        "steps, 20 to 10000; nothing is judged before there are 20");
  visit("log.every_steps", o.log.every_steps, "steps between lines of metrics.jsonl");
  visit("train.log_samples", o.log.samples, "samples.jsonl: the ids of every step in global order");
  visit(
      "comm.backend", o.comm.backend,
      "nccl: GPUs; node: CPUs, all ranks on one node; mpi: CPUs; auto: the first that is possible");
  visit(
      "comm.progress", o.comm.progress,
      "who moves sums on the CPU on during backward: thread, none, auto (a thread where a core is "
      "free)");
  visit("comm.timeout_seconds", o.comm.timeout_seconds,
        "a collective that takes longer ends the job");
  visit("comm.threads_per_rank", o.comm.threads_per_rank,
        "compute threads; 0: cores / ranks of the node");
  visit("comm.bind", o.comm.bind,
        "CPUs of ranks that share a node: auto (equal parts of its cores, near the GPU, unless the "
        "launcher bound them), none, core (equal parts, or refused), numa (a NUMA node each)");
  visit("monitoring.enabled", o.monitoring.enabled, "serve Prometheus metrics from rank 0");
  visit("monitoring.address", o.monitoring.address, "to listen on");
  visit("monitoring.port", o.monitoring.port,
        "0: the kernel picks a free one; one that is taken: the next free one of 16");
  visit("monitoring.strict_port", o.monitoring.strict_port,
        "a port that is taken ends the start with code 2 instead");
  visit("monitoring.linger_seconds", o.monitoring.linger_seconds,
        "at an end that must be seen the metrics are served until they are scraped once more, for "
        "so long at most; 0: never");
  visit("monitoring.discovery_folder", o.monitoring.discovery_folder,
        "shared folder that the run's file for Prometheus' file_sd_configs is written into; empty: "
        "none");
  visit("monitoring.cluster", o.monitoring.cluster,
        "label cluster in that file; empty: SLURM_CLUSTER_NAME");
  visit("monitoring.straggler_factor", o.monitoring.straggler_factor,
        "the log names a rank whose own work (data wait, forward, backward) takes more than this "
        "times the median of all ranks; 0: none");
  visit("monitoring.tensorboard", o.monitoring.tensorboard,
        "loss, rates, speed and evaluations as event files in RUN/tensorboard, too, for "
        "`tensorboard --logdir RUN`");
  visit("trace.enabled", o.trace.enabled,
        "trace.json: what each rank does when, for Perfetto (train --trace)");
  visit("trace.first_step", o.trace.first_step, "first step in it, counted from this start");
  visit("trace.steps", o.trace.steps, "and so many steps");
  visit("testing.enabled", o.testing.enabled, "testing.fault may spoil the run");
  visit("testing.fault", o.testing.fault,
        "rank=1,step=7,kind=K: throw, exit, sleep, spin, slow (value=0.5, seconds), hoard "
        "(value=100, MiB), bad_alloc, nan_gradient, scale_loss (value=1e4), "
        "skip_bucket, swap_buckets, cut_bucket, flip_weight, flip_optimizer, flip_average, "
        "flip_buffer, flip_gradient; several with ; between");
}

}  // namespace catamaran
