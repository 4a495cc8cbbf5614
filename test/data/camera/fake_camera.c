// Copyright 2026 fer_ros maintainers
// Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
// License. You may obtain a copy of the License at
//     http://www.apache.org/licenses/LICENSE-2.0
// Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
// IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific
// language governing permissions and limitations under the License.

/* A camera for processes that load this before the C library (LD_PRELOAD): whoever opens the file that FER_FAKE_CAMERA names
 * finds a Video4Linux device that answers as <linux/videodev2.h> says, so that it is the kernel's own idea of every request
 * that is tested. Images of YUYV are of one grey, those of MJPG are the JPEG that FER_FAKE_JPEG names; what is set is told in
 * the file FER_FAKE_LOG, a line each. FER_FAKE_KIND=metadata is a device that gives no images.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BUFFER (1 << 22)
#define COUNT(array) (sizeof(array) / sizeof(array[0]))

struct mode { __u32 format, width, height, rates[3]; };
static const struct mode modes[] = {
    {V4L2_PIX_FMT_YUYV, 640, 480, {30, 15}}, {V4L2_PIX_FMT_YUYV, 1280, 720, {10}}, {V4L2_PIX_FMT_YUYV, 1920, 1080, {5}},
    {V4L2_PIX_FMT_MJPEG, 640, 480, {30}}, {V4L2_PIX_FMT_MJPEG, 1280, 720, {30, 15}}, {V4L2_PIX_FMT_H264, 1920, 1080, {30}}};
static const __u32 formats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_H264};

struct control { __u32 id, type; const char *name; __s32 minimum, maximum, standard; const char *items[4]; __s32 value; };
static struct control controls[] = {
    {V4L2_CID_BRIGHTNESS, V4L2_CTRL_TYPE_INTEGER, "Brightness", -64, 64, 0},
    {V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, "White Balance, Automatic", 0, 1, 1},
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, "Gain", 0, 100, 16},
    {V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CTRL_TYPE_INTEGER, "White Balance Temperature", 2800, 6500, 4600},
    {V4L2_CID_CAMERA_CLASS_BASE + 1, V4L2_CTRL_TYPE_MENU, "Auto Exposure", 0, 3, 3,
     {NULL, "Manual Mode", NULL, "Aperture Priority Mode"}},
    {V4L2_CID_CAMERA_CLASS_BASE + 2, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute", 3, 2047, 250},
    {V4L2_CID_IMAGE_SOURCE_CLASS_BASE + 8, V4L2_CTRL_TYPE_INTEGER_MENU, "Link Frequency", 0, 1, 0, {"a", "b"}},
    {V4L2_CID_IMAGE_SOURCE_CLASS_BASE + 9, V4L2_CTRL_TYPE_INTEGER, "Sensor Serial", 0, 9, 7}};

static __u32 format = V4L2_PIX_FMT_YUYV, width = 640, height = 480, rate = 30;
static int queue[8], waiting;

static void tell(const char *what, const char *name, int value) {
    const char *path = getenv("FER_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%s %s %d\n", what, name, value);
        fclose(file);
    }
}

static int refuse(int reason) {
    errno = reason;
    return -1;
}

static struct control *control_of(__u32 id) {
    for (size_t i = 0; i < COUNT(controls); i++)
        if (controls[i].id == id)
            return &controls[i];
    return NULL;
}

static int query_control(struct v4l2_queryctrl *asked) {
    __u32 id = asked->id & ~V4L2_CTRL_FLAG_NEXT_CTRL, next = asked->id & V4L2_CTRL_FLAG_NEXT_CTRL;
    for (size_t i = 0; i < COUNT(controls); i++) {
        struct control *one = &controls[i];
        if (next ? one->id <= id : one->id != id)
            continue;
        memset(asked, 0, sizeof *asked);
        asked->id = one->id;
        asked->type = one->type;
        strncpy((char *)asked->name, one->name, sizeof asked->name - 1);
        asked->minimum = one->minimum;
        asked->maximum = one->maximum;
        asked->step = 1;
        asked->default_value = one->standard;
        if (strstr(one->name, "Serial"))
            asked->flags |= V4L2_CTRL_FLAG_READ_ONLY;
        if (one->id == V4L2_CID_CAMERA_CLASS_BASE + 2 && control_of(V4L2_CID_CAMERA_CLASS_BASE + 1)->value == 3)
            asked->flags |= V4L2_CTRL_FLAG_INACTIVE;
        if (one->id == V4L2_CID_WHITE_BALANCE_TEMPERATURE && control_of(V4L2_CID_AUTO_WHITE_BALANCE)->value)
            asked->flags |= V4L2_CTRL_FLAG_INACTIVE;
        return 0;
    }
    return refuse(EINVAL);
}

static int query_menu(struct v4l2_querymenu *asked) {
    struct control *one = control_of(asked->id);
    if (!one || asked->index > 3 || !one->items[asked->index])
        return refuse(EINVAL);
    if (one->type == V4L2_CTRL_TYPE_INTEGER_MENU)
        asked->value = 456000000LL * 10 * (asked->index + 1);
    else
        strcpy((char *)asked->name, one->items[asked->index]);
    return 0;
}

static int set_control(struct v4l2_control *asked) {
    struct control *one = control_of(asked->id);
    if (!one)
        return refuse(EINVAL);
    if (asked->value < one->minimum || asked->value > one->maximum)
        return refuse(ERANGE);
    if (one->id == V4L2_CID_GAIN && asked->value == 99)
        return refuse(EIO);
    one->value = asked->value;
    tell("control", one->name, one->value);
    return 0;
}

static int enumerate_format(struct v4l2_fmtdesc *asked) {
    static const char *names[] = {"YUYV 4:2:2", "Motion-JPEG", "H.264"};
    if (asked->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || asked->index >= COUNT(formats))
        return refuse(EINVAL);
    asked->pixelformat = formats[asked->index];
    asked->flags = asked->index ? V4L2_FMT_FLAG_COMPRESSED : 0;
    strcpy((char *)asked->description, names[asked->index]);
    return 0;
}

static int enumerate_size(struct v4l2_frmsizeenum *asked) {
    __u32 index = asked->index;
    for (size_t i = 0; i < COUNT(modes); i++)
        if (modes[i].format == asked->pixel_format && !index--) {
            asked->type = V4L2_FRMSIZE_TYPE_DISCRETE;
            asked->discrete.width = modes[i].width;
            asked->discrete.height = modes[i].height;
            return 0;
        }
    return refuse(EINVAL);
}

static const struct mode *mode_of(__u32 of, __u32 wide, __u32 high) {
    for (size_t i = 0; i < COUNT(modes); i++)
        if (modes[i].format == of && modes[i].width == wide && modes[i].height == high)
            return &modes[i];
    return NULL;
}

static int enumerate_interval(struct v4l2_frmivalenum *asked) {
    const struct mode *one = mode_of(asked->pixel_format, asked->width, asked->height);
    if (!one || asked->index > 2 || !one->rates[asked->index])
        return refuse(EINVAL);
    asked->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    asked->discrete.numerator = 1;
    asked->discrete.denominator = one->rates[asked->index];
    return 0;
}

static int set_format(struct v4l2_format *asked, int for_good) {
    struct v4l2_pix_format *pix = &asked->fmt.pix;
    if (asked->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return refuse(EINVAL);
    __u32 kept = pix->pixelformat == V4L2_PIX_FMT_MJPEG || pix->pixelformat == V4L2_PIX_FMT_H264 ? pix->pixelformat
                                                                                               : V4L2_PIX_FMT_YUYV;
    int fits = mode_of(kept, pix->width, pix->height) != NULL;
    __u32 wide = fits ? pix->width : 640, high = fits ? pix->height : 480;
    memset(pix, 0, sizeof *pix);
    pix->width = wide;
    pix->height = high;
    pix->pixelformat = kept;
    pix->field = V4L2_FIELD_NONE;
    pix->bytesperline = kept == V4L2_PIX_FMT_YUYV ? 2 * wide : 0;
    pix->sizeimage = 2 * wide * high;
    if (for_good) {
        char name[5] = {kept & 255, kept >> 8 & 255, kept >> 16 & 255, kept >> 24 & 255, 0};
        format = kept;
        width = wide;
        height = high;
        rate = mode_of(kept, wide, high)->rates[0];
        tell("format", name, (int)(wide * 10000 + high));
    }
    return 0;
}

static int parameters(struct v4l2_streamparm *asked, int set) {
    if (asked->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return refuse(EINVAL);
    struct v4l2_fract *time = &asked->parm.capture.timeperframe;
    if (set && time->numerator) {
        const struct mode *one = mode_of(format, width, height);
        rate = one->rates[0];
        for (int i = 0; i < 3; i++)
            if (one->rates[i] && one->rates[i] * time->numerator == time->denominator)
                rate = one->rates[i];
    }
    memset(&asked->parm, 0, sizeof asked->parm);
    asked->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    time->numerator = 1;
    time->denominator = rate;
    return 0;
}

static __u32 fill(int descriptor, __u32 index) {
    static char pixels[BUFFER];
    size_t size = 2 * width * height;
    if (format == V4L2_PIX_FMT_YUYV) {
        memset(pixels, 128, size);
    } else {
        FILE *file = fopen(getenv("FER_FAKE_JPEG"), "rb");
        size = file ? fread(pixels, 1, BUFFER, file) : 0;
        if (file)
            fclose(file);
    }
    return pwrite(descriptor, pixels, size, (off_t)index * BUFFER) < 0 ? 0 : size;
}

static int give_buffer(int descriptor, struct v4l2_buffer *asked) {
    if (!waiting)
        return refuse(EAGAIN);
    int index = queue[0];
    memmove(queue, queue + 1, --waiting * sizeof *queue);
    memset(asked, 0, sizeof *asked);
    asked->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    asked->memory = V4L2_MEMORY_MMAP;
    asked->index = index;
    asked->length = 2 * width * height;
    asked->bytesused = fill(descriptor, index);
    asked->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE;
    gettimeofday(&asked->timestamp, NULL);
    usleep(5000);
    return 0;
}

static int answer(int descriptor, unsigned long request, void *argument) {
    static int begun;
    for (size_t i = 0; !begun && i < COUNT(controls); i++)
        controls[i].value = controls[i].standard;
    begun = 1;
    const char *kind = getenv("FER_FAKE_KIND");
    struct v4l2_capability *capability = argument;
    struct v4l2_buffer *buffer = argument;
    struct v4l2_control *control = argument;
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "fakecam");
        strcpy((char *)capability->card, "Fake \033[31mCamera");
        strcpy((char *)capability->bus_info, "usb-0000:00:14.0-8");
        capability->device_caps = V4L2_CAP_STREAMING | (kind && !strcmp(kind, "metadata") ? V4L2_CAP_META_CAPTURE
                                                                                          : V4L2_CAP_VIDEO_CAPTURE);
        capability->capabilities = V4L2_CAP_DEVICE_CAPS | V4L2_CAP_STREAMING | V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE;
        return 0;
    case VIDIOC_ENUM_FMT: return enumerate_format(argument);
    case VIDIOC_ENUM_FRAMESIZES: return enumerate_size(argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return enumerate_interval(argument);
    case VIDIOC_QUERYCTRL: return query_control(argument);
    case VIDIOC_QUERYMENU: return query_menu(argument);
    case VIDIOC_S_CTRL: return set_control(control);
    case VIDIOC_G_CTRL:
        if (!control_of(control->id))
            return refuse(EINVAL);
        control->value = control_of(control->id)->value;
        return 0;
    case VIDIOC_S_FMT: return set_format(argument, 1);
    case VIDIOC_TRY_FMT: return set_format(argument, 0);
    case VIDIOC_G_FMT: {
        struct v4l2_format *now = argument;
        now->fmt.pix.width = width;
        now->fmt.pix.height = height;
        now->fmt.pix.pixelformat = format;
        return set_format(now, 0);
    }
    case VIDIOC_G_PARM: return parameters(argument, 0);
    case VIDIOC_S_PARM: return parameters(argument, 1);
    case VIDIOC_REQBUFS:
        waiting = 0;
        return 0;
    case VIDIOC_QUERYBUF:
        buffer->length = 2 * width * height;
        buffer->m.offset = buffer->index * BUFFER;
        return 0;
    case VIDIOC_QBUF:
        queue[waiting++ % 8] = buffer->index;
        return 0;
    case VIDIOC_DQBUF: return give_buffer(descriptor, buffer);
    case VIDIOC_STREAMON: return 0;
    case VIDIOC_STREAMOFF: waiting = 0; return 0;
    case VIDIOC_G_INPUT: *(int *)argument = 0; return 0;
    case VIDIOC_S_INPUT: return 0;
    default: return refuse(ENOTTY);
    }
}

int ioctl(int descriptor, unsigned long request, ...) {
    static int (*real)(int, unsigned long, ...);
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct stat fake, given;
    const char *path = getenv("FER_FAKE_CAMERA");
    if (path && !stat(path, &fake) && !fstat(descriptor, &given) && fake.st_ino == given.st_ino && fake.st_dev == given.st_dev)
        return answer(descriptor, request, argument);
    if (!real)
        real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(descriptor, request, argument);
}
