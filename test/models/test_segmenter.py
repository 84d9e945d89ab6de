# Copyright 2026 The dseg_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Segmenter: published sizes, any image size, what its weights depend on."""

from dseg_ros.config.schema import ConfigError
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.models.normalisation import imagenet
from dseg_ros.models.pyramid import parameter_count
from dseg_ros.models.segmenter import build, Segmenter, STRIDE
import pytest
import torch
from torch import nn

TINY = SegmenterConfig(width=24, depth=2, heads=3, image_px=64)


def count(width: int, depth: int, layers: int, classes: int, patches: int) -> tuple[int, int]:
    """Count the parameters of encoder and decoder by hand, biases included."""
    norm = 2 * width
    block = (norm + (width + 1) * 3 * width            # queries, keys, values
             + (width + 1) * width                     # projection of the attention
             + norm + (width + 1) * 4 * width + (4 * width + 1) * width)
    patch = (3 * 16 * 16 + 1) * width
    encoder = patch + width + (patches + 1) * width + depth * block + norm
    decoder = ((width + 1) * width + classes * width + layers * block + norm
               + 2 * width * width + 2 * classes)
    return encoder, decoder


def test_the_published_sizes() -> None:
    """ViT-S/16 has 21.7 M parameters at 224 px; 31 classes by one layer add 2.2 M."""
    encoder, _ = count(384, 12, 1, 31, (224 // 16) ** 2)
    assert encoder == 21_665_664, 'ViT-S/16 as DINO and DeiT publish it'
    for image_px, of_encoder, of_decoder in ((224, 21_665_664, 2_229_950),
                                             (512, 21_983_616, 2_229_950)):
        assert (of_encoder, of_decoder) == count(384, 12, 1, 31, (image_px // 16) ** 2)
        with torch.device('meta'):
            model = Segmenter(31, SegmenterConfig(image_px=image_px))
        assert parameter_count(model.encoder) == of_encoder
        assert parameter_count(model.decoder) == of_decoder


def test_the_published_details() -> None:
    """12 blocks, 6 heads, MLP 1536, stochastic depth up to 0.1, dropout 0.1 in the decoder."""
    with torch.device('meta'):
        model = Segmenter(31, SegmenterConfig())
    assert len(model.encoder.blocks) == 12 and len(model.decoder.blocks) == 1
    assert {b.attn.num_heads for b in (*model.encoder.blocks, *model.decoder.blocks)} == {6}
    assert model.decoder.blocks[0].mlp.fc1.out_features == 1536
    assert model.encoder.blocks[-1].drop_path1.drop_prob == pytest.approx(0.1)
    assert isinstance(model.encoder.blocks[0].drop_path1, nn.Identity)
    assert {m.p for m in model.decoder.modules() if isinstance(m, nn.Dropout)} == {0.1}


@pytest.mark.parametrize('size', [(16, 16), (64, 64), (48, 112)])
def test_any_multiple_of_the_patch_goes_in(size: tuple[int, int]) -> None:
    """Position embeddings are interpolated; logits come at the input's size."""
    model = build(5, TINY, seed=0).eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 3, *size)).shape == (2, 5, *size)


def test_other_sizes_are_refused() -> None:
    """A side that is no multiple of 16 is named."""
    with pytest.raises(ValueError, match=f'50x64 px: not multiples of {STRIDE}'):
        build(5, TINY, seed=0)(torch.zeros(1, 3, 64, 50))
    with pytest.raises(ConfigError, match='heads: 5 do not divide width 24'):
        SegmenterConfig(width=24, heads=5)


def test_masks_are_cosines_normalised_over_classes() -> None:
    """At patch centres logits have mean 0 and deviation 1 over classes, before training."""
    model = build(7, TINY, seed=0).eval()
    with torch.no_grad():
        masks = model.decoder(torch.randn(2, 16, 24))
        louder = model.decoder.mask_norm(0 * masks + torch.arange(7.0))
    assert masks.mean(-1).abs().max() < 1e-4
    assert (masks.std(-1, unbiased=False) - 1).abs().max() < 0.1
    assert torch.allclose(louder.mean(-1), torch.zeros(2, 16), atol=1e-5)


def test_class_tokens_see_the_whole_image() -> None:
    """A change in one corner moves the logits of the opposite one."""
    model = build(3, TINY, seed=0).eval()
    dark = torch.zeros(1, 3, 64, 64)
    other = dark.clone()
    other[..., :16, :16] = 3
    with torch.no_grad():
        assert (model(dark) - model(other))[..., 48:, 48:].abs().max() > 1e-5


def test_it_learns() -> None:
    """A hundred steps tell four columns by their brightness."""
    model = build(4, TINY, seed=0)
    labels = torch.arange(4).repeat_interleave(16).expand(2, 64, 64)
    pixels = 2 * (labels[:, None] - 1.5).expand(2, 3, 64, 64)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    right = []
    for _ in range(120):
        logits = model(pixels)
        right.append(float((logits.argmax(1) == labels).float().mean()))
        optimiser.zero_grad()
        nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()
    assert right[0] < 0.6 and right[-1] > 0.9


def test_weights_depend_on_the_seed_alone() -> None:
    """The global random state is neither used nor moved."""
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    a, b, c = (build(3, TINY, seed=s).state_dict() for s in (1, 1, 2))
    assert torch.equal(torch.rand(1), before)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a['decoder.class_tokens'], c['decoder.class_tokens'])


def test_imagenet_normalisation() -> None:
    """The mean colour of ImageNet becomes zero."""
    mean = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
    assert imagenet(mean).abs().max() < 1e-5
    white = imagenet(torch.full((1, 3, 1, 1), 255.0)).flatten()
    assert white.tolist() == pytest.approx([2.249, 2.429, 2.640], abs=1e-3)
